#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/subjects.hpp"
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

  /// At start and whenever the gate is back: takes the recorded sessions and brings the kernel in line with them.
  Result<void> reconcile(const std::vector<Session>& recorded);
  /// The same with the sessions already known.
  Result<void> reconcile();

  Result<portal::Visitor> who(const IpAddress& ip);
  /// How strong its Wi-Fi is here, dBm, where hostapd says so.
  std::optional<std::int8_t> signal(const IpAddress& ip) const;

  /// After the ledger recorded it: opens the gate for the device at `ip`, IPv6 neighbours included.
  Result<void> open(const Session& session, const IpAddress& ip);

  /// Shuts every session of this address and ends it. The number shut.
  Result<std::size_t> remove(const std::string& ip_or_mac, const std::string& reason);

  /// Shuts and ends what has run out; reads the counters. Call every few seconds.
  void tick();

  struct Client {
    MacAddress mac;
    IpAddress ip;
    std::vector<IpAddress> ips6;
    Session session;
    std::chrono::seconds left{0};
    std::uint64_t bytes_up = 0, bytes_down = 0;
    std::optional<std::int8_t> signal_dbm;
  };
  std::vector<Client> clients();
  std::size_t sessions() const { return by_pair_.size(); }
  std::size_t open_sessions() const;

  /// As of the newest tick: empty while the gate answers (or there is none by configuration), else what is wrong with
  /// it.
  const std::string& gate_fault() const { return fault_; }
  /// The address of an IP or of a MAC that is on the guests' side now.
  Result<IpAddress> address_of(const std::string& ip_or_mac);

  void on_station(const ports::Station& station) override;

  /// Names follow the keys; the sessions stay.
  void use(const Subjects& subjects) { subjects_ = subjects; }

 private:
  struct Entry {
    Session session;
    MonoTime ends{};                     ///< by the clock that never jumps: a step of the wall clock ends nobody's time
    std::optional<ports::GuestKey> key;  ///< once the device was seen
    std::vector<ports::GuestKey> extra;  ///< its IPv6 addresses that are open too
    std::uint64_t bytes_up = 0, bytes_down = 0;
  };

  Entry* find(const MacAddress& mac, const IpAddress& ip);
  Entry* find(const ports::Station& station);
  Result<void> open_entry(Entry& entry, const ports::Station& station, const IpAddress& ip);
  void open_extra(Entry& entry, const ports::Station& station);
  Result<void> end(Entry& entry, const std::string& reason);
  Entry make_entry(const Session& session) const;
  void take_over(const ports::GuestKey& key, const Entry& by);
  bool held_by_another(const ports::GuestKey& key, const Entry& but) const;
  Result<void> shut(const ports::GuestKey& key, const Entry& of);
  std::chrono::seconds left(const Entry& entry) const;
  void read_counters();

  ports::Gate* gate_;
  ports::Stations* stations_;
  const ports::Clock& clock_;
  Subjects subjects_;
  Ended ended_;
  std::map<std::string, Entry> by_pair_;
  std::string fault_;
};

}  // namespace foyer::app
