#include "drivers/bluez/walk.hpp"

#include <systemd/sd-bus.h>

#include <array>
#include <charconv>

namespace foyer::drivers::bluez {
namespace {

/// sdbus-c++ of Debian 12 reads an array byte by byte and knows no skipping; it shows the message it holds to what is
/// derived from it.
struct Raw : sdbus::Message {
  static sd_bus_message* of(const sdbus::Message& message) {
    return static_cast<sd_bus_message*>(message.*(&Raw::msg_));
  }
};

/// Of sd-bus: negative is an error, 0 the end of a container.
bool check(int result) {
  if (result < 0) throw sdbus::createError(-result, "a message of another shape");
  return result > 0;
}
bool enter(sd_bus_message* message, char type, const char* contents) {
  return check(sd_bus_message_enter_container(message, type, contents));
}
void leave(sd_bus_message* message) { check(sd_bus_message_exit_container(message)); }

template <class T>
T read(sd_bus_message* message, char type) {
  T value{};
  check(sd_bus_message_read_basic(message, type, &value));
  return value;
}
template <class T>
T read_variant(sd_bus_message* message, const char* type) {
  enter(message, 'v', type);
  const T value = read<T>(message, *type);
  leave(message);
  return value;
}

/// Calls fn(key) for every entry of an a{sv}; fn reads the variant and says true, or leaves it.
template <class Fn>
void each_property(sd_bus_message* message, Fn fn) {
  enter(message, 'a', "{sv}");
  while (enter(message, 'e', "sv")) {
    if (!fn(std::string_view(read<const char*>(message, 's')))) check(sd_bus_message_skip(message, "v"));
    leave(message);
  }
  leave(message);
}

/// Appends the AD structure `type` with `head` and the bytes of the variant that comes next; not one over 255: false.
bool append_bytes(sd_bus_message* message, std::uint8_t type, std::uint16_t head, Bytes& out) {
  const void* data = nullptr;
  std::size_t size = 0;
  enter(message, 'v', "ay");
  check(sd_bus_message_read_array(message, 'y', &data, &size));
  leave(message);
  const std::size_t length = 3 + size;
  if (length > 254) return false;
  out.insert(out.end(), {static_cast<std::uint8_t>(length), type, static_cast<std::uint8_t>(head),
                         static_cast<std::uint8_t>(head >> 8)});
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  out.insert(out.end(), bytes, bytes + size);
  return true;
}

void read_manufacturer(sd_bus_message* message, Report& report) {
  enter(message, 'v', "a{qv}");
  enter(message, 'a', "{qv}");
  while (enter(message, 'e', "qv")) {
    if (!append_bytes(message, 0xFF, read<std::uint16_t>(message, 'q'), report.manufacturer)) ++report.too_long;
    leave(message);
  }
  leave(message);
  leave(message);
}

/// The 16-bit number in 0000xxxx-0000-1000-8000-00805f9b34fb (Core 5.4 Vol 3 Part B 2.5.1); no other UUID is a
/// beacon's.
std::optional<std::uint16_t> short_uuid(std::string_view text) {
  constexpr std::string_view kTail = "-0000-1000-8000-00805f9b34fb";
  if (text.size() != 36 || text.substr(0, 4) != "0000" || text.substr(8) != kTail) return {};
  const auto bytes = from_hex(text.substr(4, 4));
  if (!bytes) return {};
  return static_cast<std::uint16_t>((*bytes)[0] << 8 | (*bytes)[1]);
}

void read_service(sd_bus_message* message, Report& report) {
  enter(message, 'v', "a{sv}");
  each_property(message, [&](std::string_view uuid) {
    const auto number = short_uuid(uuid);
    if (number && !append_bytes(message, 0x16, *number, report.service)) ++report.too_long;
    return number.has_value();
  });
  leave(message);
}

}  // namespace

void Report::clear() {
  rssi.reset();
  has_manufacturer = has_service = false;
  too_long = 0;
  manufacturer.clear();
  service.clear();
}

void read_device(sdbus::Message& message, Report& report) {
  auto* raw = Raw::of(message);
  each_property(raw, [&](std::string_view key) {
    if (key == "RSSI") {
      report.rssi = static_cast<std::int8_t>(read_variant<std::int16_t>(raw, "n"));
    } else if (key == "ManufacturerData") {
      report.has_manufacturer = true;
      read_manufacturer(raw, report);
    } else if (key == "ServiceData") {
      report.has_service = true;
      read_service(raw, report);
    } else {
      return false;
    }
    return true;
  });
}

void read_adapter(sdbus::Message& message, AdapterReport& report) {
  auto* raw = Raw::of(message);
  each_property(raw, [&](std::string_view key) {
    if (key == "Address")
      report.address = read_variant<const char*>(raw, "s");
    else if (key == "Powered")
      report.powered = read_variant<int>(raw, "b") != 0;
    else if (key == "Discovering")
      report.discovering = read_variant<int>(raw, "b") != 0;
    else
      return false;
    return true;
  });
}

void read_interfaces(sdbus::Message& message, const std::function<bool(std::string_view)>& fn) {
  auto* raw = Raw::of(message);
  enter(raw, 'a', "{sa{sv}}");
  while (enter(raw, 'e', "sa{sv}")) {
    if (!fn(read<const char*>(raw, 's'))) check(sd_bus_message_skip(raw, "a{sv}"));
    leave(raw);
  }
  leave(raw);
}

std::optional<DevicePath> parse_device_path(std::string_view path) {
  constexpr std::string_view kDevice = "/dev_";
  const auto at = path.find(kDevice);
  if (at == std::string_view::npos || path.size() != at + kDevice.size() + 17) return {};
  std::array<char, 17> text{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = path[at + kDevice.size() + i];
    text[i] = c == '_' ? ':' : c;
  }
  const auto address = parse_mac({text.data(), text.size()});
  if (!address) return {};
  DevicePath device{path.substr(0, at), *address};
  const auto digits = device.adapter.find_last_not_of("0123456789") + 1;
  std::from_chars(device.adapter.data() + digits, device.adapter.data() + device.adapter.size(), device.index);
  return device;
}

}  // namespace foyer::drivers::bluez
