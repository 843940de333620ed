#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/advert.hpp"
#include "base/encoding.hpp"
#include "drivers/bluez/sdbus_compat.hpp"

/// Reads bluetoothd's messages in place. Dictionaries are walked and only what is wanted is read: unpacking them whole
/// costs three times as much. Every function throws sdbus::Error on a message of another shape.
namespace foyer::drivers::bluez {

/// What one org.bluez.Device1 dictionary says about an advert. Reused, so that reading allocates nothing.
struct Report {
  std::optional<std::int8_t> rssi;
  bool has_manufacturer = false, has_service = false;
  Bytes manufacturer, service;  ///< as AD structures
  unsigned too_long = 0;        ///< parts left out: no AD structure holds them
  void clear();
};

/// What one org.bluez.Adapter1 dictionary says; absent: nothing new.
struct AdapterReport {
  std::optional<std::string> address;
  std::optional<bool> powered, discovering;
};

void read_device(sdbus::Message& message, Report& report);          ///< a{sv}
void read_adapter(sdbus::Message& message, AdapterReport& report);  ///< a{sv}

/// a{sa{sv}}: calls fn(interface) with the message before that interface's a{sv}; true: fn read it.
void read_interfaces(sdbus::Message& message, const std::function<bool(std::string_view)>& fn);

/// /org/bluez/hci0/dev_AA_BB_CC_DD_EE_FF → /org/bluez/hci0 and the address. Nothing for any other path.
struct DevicePath {
  std::string_view adapter;
  MacAddress address;
  int index = -1;  ///< N of hciN
};
std::optional<DevicePath> parse_device_path(std::string_view path);

}  // namespace foyer::drivers::bluez
