#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/histogram.hpp"
#include "app/subjects.hpp"
#include "app/visits.hpp"
#include "base/result.hpp"
#include "base/session.hpp"
#include "campaign/exchange.hpp"
#include "portal/services.hpp"
#include "ports/clock.hpp"
#include "ports/gate.hpp"
#include "ports/stations.hpp"

namespace foyer::app {

/// Who is in: joins what the ledger recorded (pseudonyms) with what the neighbours show (addresses) and keeps the gate
/// equal to it. Recorded and unexpired is opened as soon as its device shows itself; open and not recorded is shut.
/// Core thread only.
class Guests final : public ports::StationEvents {
 public:
  using Ended = std::function<void(const campaign::SessionEnd&)>;

  /// `gate` and `stations` are null where the configuration has no gate: then nobody is ever in.
  Guests(ports::Gate* gate, ports::Stations* stations, const ports::Clock& clock, const Subjects& subjects,
         Ended ended);

  /// What every session is held to; 0 and empty: no limit. A device that is blocked and in is out at the next tick.
  struct Limits {
    std::chrono::seconds idle{0};  ///< without a byte in the kernel's counters and without a request to the portal
    std::uint64_t quota = 0;       ///< bytes, both ways together; the kernel holds to it by itself
    std::vector<MacAddress> blocked;
  };
  void limit(Limits limits) { limits_ = std::move(limits); }

  /// At start and whenever the gate is back: takes the recorded sessions and brings the kernel in line with them, as
  /// soon as it has told who is in. What keeps it from that is gate_fault().
  void reconcile(const std::vector<Session>& recorded);
  /// The same with the sessions already known.
  void reconcile();

  Result<portal::Visitor> who(const IpAddress& ip);
  /// How strong its Wi-Fi is here, dBm, where hostapd says so.
  std::optional<std::int8_t> signal(const IpAddress& ip) const;

  /// After the ledger recorded it: opens the gate for the device at `ip`, IPv6 neighbours included.
  Result<void> open(const Session& session, const IpAddress& ip);

  /// The ledger moved this session to the device at `ip`: opens it there and shuts where it was open before.
  Result<void> carry(const Session& session, const IpAddress& ip);

  /// Shuts every session under these names and ends it. The number shut.
  Result<std::size_t> remove_named(const std::vector<std::string>& subjects, const std::string& reason);
  /// Shuts every session of this address and ends it. The number shut. With `keep_out` everything the device sends is
  /// refused for so long, whether it was in or not; open() by the operator's hand ends that.
  Result<std::size_t> remove(const std::string& ip_or_mac, const std::string& reason,
                             std::optional<std::chrono::seconds> keep_out = {});
  /// Who is kept out and for how much longer, as of the newest tick.
  std::map<MacAddress, std::chrono::seconds> kept_out() const;

  /// Asks for the counters; when they come, shuts and ends what has run out. Call every few seconds.
  void tick();

  /// Open sessions whose counters are not what was recorded: taken as recorded from now on.
  std::vector<campaign::SessionBytes> newly_counted();

  struct Client {
    MacAddress mac;
    IpAddress ip;
    std::vector<IpAddress> ips6;
    Session session;
    std::chrono::seconds left{0};
    ports::Traffic bytes;                     ///< as of the newest tick
    std::optional<std::uint64_t> bytes_left;  ///< of the quota, where there is one
    std::optional<std::int8_t> signal_dbm;
  };
  std::vector<Client> clients();
  /// Everybody whose time is not over, as the Wi-Fi shows them now.
  std::vector<GuestHere> here() const;
  std::size_t sessions() const { return by_pair_.size(); }
  std::size_t open_sessions() const;

  /// As of the newest tick: empty while the gate answers (or there is none by configuration), else what is wrong with
  /// it.
  const std::string& gate_fault() const { return fault_; }
  /// Packets by what became of them, as of the newest tick.
  const std::map<std::string, std::uint64_t>& tallies() const { return tallies_; }
  /// Of every admission and removal asked of the gate, in seconds.
  const Histogram& gate_times() const { return gate_times_; }
  /// The address of an IP or of a MAC that is on the guests' side now.
  Result<IpAddress> address_of(const std::string& ip_or_mac);

  void on_station(const ports::Station& station) override;

  /// Names follow the keys; the sessions stay.
  void use(const Subjects& subjects);

 private:
  struct Entry {
    Session session;
    MonoTime ends{};                     ///< by the clock that never jumps: a step of the wall clock ends nobody's time
    std::optional<ports::GuestKey> key;  ///< once the device was seen
    std::vector<ports::GuestKey> extra;  ///< its IPv6 addresses that are open too
    ports::Traffic bytes;                ///< all it has used
    ports::Traffic counted;              ///< of that, what the kernel's counters say
    ports::Traffic gone;                 ///< of that, by addresses that are not open any more
    MonoTime active{};                   ///< when it last used something
    std::string fingerprint;             ///< of its radio, since it is in
    std::vector<std::string> known_as;   ///< subjects of its MAC, while it is open
    std::vector<std::string> known_devices;  ///< likewise
    MonoTime opened{};                       ///< when the kernel was last asked to let it in
  };

  Entry* find(const MacAddress& mac, const IpAddress& ip);
  Entry* find(const ports::Station& station);
  Result<void> open_entry(Entry& entry, const ports::Station& station, const IpAddress& ip);
  void open_extra(Entry& entry, const ports::Station& station);
  Result<void> end(Entry& entry, const std::string& reason);
  Entry make_entry(const Session& session) const;
  void note_names(Entry& entry, const MacAddress& mac) const;
  void hold(const ports::GuestKey& key, const Entry& by);
  bool held_by_another(const ports::GuestKey& key, const Entry& but) const;
  void let_go_of_all(Entry& entry);
  Result<void> allowed(const MacAddress& mac) const;
  Result<void> lift_or_refuse(const MacAddress& mac, const Session& session);
  Result<MacAddress> device_of(const std::string& ip_or_mac) const;
  Result<void> gate_admit(const ports::GuestKey& key, std::chrono::seconds ttl, const ports::Traffic& used);
  Result<ports::Traffic> shut(const ports::GuestKey& key, const Entry& of);
  Result<ports::Traffic> shut_all(const Entry& entry);  // what all its addresses have used
  std::optional<std::uint64_t> bytes_left(const Entry& entry) const;
  std::chrono::seconds left(const Entry& entry) const;
  Result<void> adopt(const ports::GateState& state);
  void count(const ports::GateState& state);
  void mend(Entry& entry);
  void end_what_is_over(bool counted);
  bool is_blocked(const MacAddress& mac) const;
  static bool is_another(Entry& entry, const ports::Station& station);

  ports::Gate* gate_;
  ports::Stations* stations_;
  const ports::Clock& clock_;
  Subjects subjects_;
  Ended ended_;
  std::map<std::string, Entry> by_pair_;
  std::map<ports::GuestKey, std::string> holders_;  ///< pair of the session by each address that is open
  std::map<MacAddress, MonoTime> kept_out_;         ///< until; the gate has the truth, and at most 1,024
  Limits limits_;
  std::string fault_;
  std::map<std::string, std::uint64_t> tallies_;
  Histogram gate_times_{{0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25}};
};

}  // namespace foyer::app
