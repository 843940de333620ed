#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/bluez/adapter.hpp"
#include "drivers/bluez/backoff.hpp"
#include "drivers/bluez/bluez.hpp"
#include "drivers/bluez/bus.hpp"
#include "drivers/bluez/devices.hpp"
#include "drivers/bluez/ladder.hpp"
#include "drivers/bluez/liveness.hpp"
#include "drivers/bluez/tap.hpp"
#include "drivers/bluez/walk.hpp"

namespace foyer::drivers::bluez {

/// The Radio: follows the bus, bluetoothd and its adapters as they come and go, tells each Adapter what is wanted of
/// it, turns bluetoothd's signals or the tap's reports into Adverts, and watches that they come.
class BluezRadio final : public ports::Radio {
 public:
  BluezRadio(Settings settings, Means means);

  Result<void> start(ports::RadioEvents& events) override;
  void broadcast(std::vector<ports::Broadcast> beacons) override;
  ports::RadioStatus status() const override;
  void stop() override;

 private:
  /// An adapter bluetoothd shows, by its object path.
  struct Shown {
    std::uint8_t index = 0;  ///< into list_
    bool powered = false, discovering = false;
    bool can_monitor = false;       ///< has AdvertisementMonitorManager1
    std::shared_ptr<Adapter> work;  ///< once something was wanted of it
  };
  using ShownMap = std::map<std::string, Shown, std::less<>>;

  // radio.cpp: what is wanted of which adapter
  void reconcile();
  const ShownMap::value_type* choose(const std::string& wanted) const;
  const ShownMap::value_type* scanner() const;  ///< the adapter that is to scan; null: none
  Scan scan_mode(const Shown& shown) const;
  std::string remark() const;
  bool hearing() const;
  void judge_anew();
  std::optional<std::uint8_t> list_index(const std::string& name, const std::string& address);
  void deliver(Advert& advert);
  void changed();
  void publish();

  // radio_bus.cpp: what comes from the bus
  void open_bus();
  void on_bus_lost();
  void ask_owner();
  void on_owner(const std::string& owner);
  void on_gone(const std::string& why);
  void get_objects();
  void on_added(sdbus::Message& message);
  void on_removed(sdbus::Message& message);
  void on_properties(sdbus::Message& message);
  void read_object(sdbus::Message& message, std::string_view path, bool fresh);
  void note_adapter(std::string_view path, const AdapterReport& report);
  void take_report(std::string_view path, bool fresh);

  // radio_tap.cpp: the tap, and whether passive scanning is as good
  void open_tap();
  void lose_tap(const std::string& why);
  void on_report(const HciReport& report, MonoTime at);
  void hear_by_bus(bool devices);
  void try_passive(MonoTime now);
  void end_trial(bool passive, std::string why);

  // radio_watch.cpp: staying alive
  enum class Ill { no, gone, hung, silent_daemon, absent, unpowered, not_scanning, deaf, doubtful };
  void watch();
  Ill diagnose(MonoTime now) const;
  Ladder::Trouble trouble(Ill ill) const;
  bool can_reset() const;
  void climb(ports::Rung rung);
  void restart_service();
  void ping();
  void heal();
  void account();

  Settings settings_;
  Means means_;
  ports::Timers& timers_;
  const ports::Clock& clock_;
  ports::RadioEvents* events_ = nullptr;
  Bus bus_;
  Backoff bus_retry_, owner_retry_, tap_retry_;
  std::string owner_;   ///< bluetoothd's unique name; empty: not there
  bool known_ = false;  ///< its objects have been read
  std::string reason_;  ///< why there is no bluetoothd
  ShownMap shown_;
  std::string scanning_path_;               ///< the adapter chosen to scan; empty: none
  std::vector<ports::AdapterStatus> list_;  ///< every adapter ever shown; at most kMaxAdapters
  std::vector<ports::Broadcast> beacons_;
  std::vector<ports::BroadcastStatus> homeless_;  ///< beacons without an adapter
  Devices devices_;
  Report report_;
  std::uint64_t empty_ = 0, weak_ = 0, too_long_ = 0;  ///< passed over
  ports::RadioStatus published_;
  bool published_once_ = false;
  ports::TimerHandle retry_, publish_;

  Tap tap_;
  std::string tap_error_;      ///< why there is no tap, where one is wanted
  int tap_index_ = -1;         ///< N of hciN that scans
  int last_index_ = -1;        ///< the last that did
  std::uint64_t dropped_ = 0;  ///< by taps that are closed
  unsigned contrary_ = 0;      ///< reports by D-Bus while the tap was silent
  Backoff contrary_retry_;     ///< after such a tap, which may open and be silent again
  ports::TimerHandle tap_timer_;
  enum class Trial { idle, active, passive, over } trial_ = Trial::idle;
  MonoTime trial_since_{};
  MonoTime::duration trial_length_{0};                                ///< of its active half, and so of its passive one
  std::uint64_t advertised_ = 0, trial_from_ = 0, trial_active_ = 0;  ///< adverts by the tap, scan responses left out
  bool trial_passive_ = false;                                        ///< what it came to
  std::string trial_why_;

  Liveness liveness_;
  std::optional<std::uint8_t> judged_;  ///< the adapter it knows, an index into list_
  Ladder ladder_;
  Ladder doubts_;          ///< the silences that may be no trouble; climbed until an advert comes
  bool doubting_ = false;  ///< since the last advert
  Ill ill_ = Ill::no;
  MonoTime ill_since_{};
  bool was_scanning_ = false;
  bool deaf_ = false;  ///< nothing heard since Liveness said so
  bool hung_ = false;  ///< bluetoothd did not answer kUnanswered pings in a row
  unsigned unanswered_ = 0;
  bool pinging_ = false;
  MonoTime pinged_{};
  std::string service_error_;  ///< why bluetooth.service may not be restarted
  std::optional<MonoTime> down_since_;
  MonoTime::duration down_total_{0};
  ports::TimerHandle look_;
  std::shared_ptr<const bool> alive_;  ///< from start() to stop(): for the helper's late answers
};

}  // namespace foyer::drivers::bluez
