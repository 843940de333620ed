#pragma once

#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/encoding.hpp"

/// What FakeBluez writes and reads, on sd-bus.
namespace foyer::test::bluez {

struct Device {
  std::string adapter = "hci0", address = "AA:BB:CC:DD:EE:01";
  std::map<std::uint16_t, Bytes> manufacturer;
  std::map<std::string, Bytes> service;
  std::optional<std::int16_t> rssi;
};
struct Advertisement {
  std::string adapter, path, client, type;
  std::map<std::uint16_t, Bytes> manufacturer;
};
struct Filter {
  std::string transport;
  bool duplicates = false;
  int rssi = 0;
};

inline Filter read_filter(sd_bus_message* call) {
  Filter filter;
  sd_bus_message_enter_container(call, 'a', "{sv}");
  while (sd_bus_message_enter_container(call, 'e', "sv") > 0) {
    const char *key, *text;
    int flag;
    std::int16_t number;
    sd_bus_message_read(call, "s", &key);
    const std::string name = key;
    if (name == "Transport" && sd_bus_message_read(call, "v", "s", &text) > 0) filter.transport = text;
    if (name == "DuplicateData" && sd_bus_message_read(call, "v", "b", &flag) > 0) filter.duplicates = flag != 0;
    if (name == "RSSI" && sd_bus_message_read(call, "v", "n", &number) > 0) filter.rssi = number;
    sd_bus_message_exit_container(call);
  }
  return filter;
}

inline void read_advertisement(sd_bus_message* reply, Advertisement& advertisement) {
  sd_bus_message_enter_container(reply, 'a', "{sv}");
  while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
    const char* key;
    sd_bus_message_read(reply, "s", &key);
    const char* text;
    if (std::string(key) == "Type") {
      sd_bus_message_read(reply, "v", "s", &text);
      advertisement.type = text;
    } else if (std::string(key) == "ManufacturerData") {
      sd_bus_message_enter_container(reply, 'v', "a{qv}");
      sd_bus_message_enter_container(reply, 'a', "{qv}");
      while (sd_bus_message_enter_container(reply, 'e', "qv") > 0) {
        std::uint16_t company;
        const void* bytes;
        std::size_t size;
        sd_bus_message_read(reply, "q", &company);
        sd_bus_message_enter_container(reply, 'v', "ay");
        sd_bus_message_read_array(reply, 'y', &bytes, &size);
        sd_bus_message_exit_container(reply);
        const auto* first = static_cast<const std::uint8_t*>(bytes);
        advertisement.manufacturer[company] = Bytes(first, first + size);
        sd_bus_message_exit_container(reply);
      }
      sd_bus_message_exit_container(reply);
      sd_bus_message_exit_container(reply);
    } else {
      sd_bus_message_skip(reply, "v");
    }
    sd_bus_message_exit_container(reply);
  }
}
inline std::string path_of(const Device& device) {
  auto address = device.address;
  std::replace(address.begin(), address.end(), ':', '_');
  return "/org/bluez/" + device.adapter + "/dev_" + address;
}

inline void append_bytes(sd_bus_message* message, const Bytes& bytes) {
  sd_bus_message_open_container(message, 'v', "ay");
  sd_bus_message_append_array(message, 'y', bytes.data(), bytes.size());
  sd_bus_message_close_container(message);
  sd_bus_message_close_container(message);
}
/// The a{sv} of a Device1, with properties around the wanted ones that are to be walked over.
inline void append_device(sd_bus_message* message, const Device& device) {
  sd_bus_message_open_container(message, 'a', "{sv}");
  sd_bus_message_append(message, "{sv}", "UUIDs", "as", 2, "1800", "1801");
  if (!device.manufacturer.empty()) {
    sd_bus_message_open_container(message, 'e', "sv");
    sd_bus_message_append(message, "s", "ManufacturerData");
    sd_bus_message_open_container(message, 'v', "a{qv}");
    sd_bus_message_open_container(message, 'a', "{qv}");
    for (const auto& [company, bytes] : device.manufacturer) {
      sd_bus_message_open_container(message, 'e', "qv");
      sd_bus_message_append(message, "q", company);
      append_bytes(message, bytes);
    }
    for (int i = 0; i < 3; ++i) sd_bus_message_close_container(message);
  }
  sd_bus_message_append(message, "{sv}", "TxPower", "n", 4);
  if (!device.service.empty()) {
    sd_bus_message_open_container(message, 'e', "sv");
    sd_bus_message_append(message, "s", "ServiceData");
    sd_bus_message_open_container(message, 'v', "a{sv}");
    sd_bus_message_open_container(message, 'a', "{sv}");
    for (const auto& [uuid, bytes] : device.service) {
      sd_bus_message_open_container(message, 'e', "sv");
      sd_bus_message_append(message, "s", uuid.c_str());
      append_bytes(message, bytes);
    }
    for (int i = 0; i < 3; ++i) sd_bus_message_close_container(message);
  }
  if (device.rssi) sd_bus_message_append(message, "{sv}", "RSSI", "n", *device.rssi);
  sd_bus_message_append(message, "{sv}", "AdvertisingFlags", "ay", 1, 6);
  sd_bus_message_close_container(message);
}

}  // namespace foyer::test::bluez
