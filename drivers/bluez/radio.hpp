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
#include "drivers/bluez/walk.hpp"

namespace foyer::drivers::bluez {

/// The Radio: follows the bus, bluetoothd and its adapters as they come and go, tells each Adapter what is wanted of
/// it, and turns bluetoothd's signals into Adverts.
class BluezRadio final : public ports::Radio {
 public:
  BluezRadio(Settings settings, ports::Poller& poller, ports::Timers& timers, const ports::Clock& clock);

  Result<void> start(ports::RadioEvents& events) override;
  void broadcast(std::vector<ports::Broadcast> beacons) override;
  ports::RadioStatus status() const override;
  void stop() override;

 private:
  /// An adapter bluetoothd shows, by its object path.
  struct Shown {
    std::uint8_t index = 0;  ///< into list_
    bool powered = false, discovering = false;
    std::shared_ptr<Adapter> work;  ///< once something was wanted of it
  };
  using ShownMap = std::map<std::string, Shown, std::less<>>;

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

  void reconcile();
  const ShownMap::value_type* choose(const std::string& wanted) const;
  std::optional<std::uint8_t> list_index(const std::string& name, const std::string& address);
  void changed();
  void publish();

  Settings settings_;
  ports::Timers& timers_;
  const ports::Clock& clock_;
  ports::RadioEvents* events_ = nullptr;
  Bus bus_;
  Backoff bus_retry_, owner_retry_;
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
  ports::RadioStatus published_;
  bool published_once_ = false;
  ports::TimerHandle retry_, publish_;
};

}  // namespace foyer::drivers::bluez
