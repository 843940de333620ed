#include "drivers/bluez/walk.hpp"

#include <array>

namespace foyer::drivers::bluez {
namespace {

/// Calls fn(key) for every entry of an a{sv}; fn reads the variant and says true, or leaves it.
template <class Fn>
void each_property(sdbus::Message& message, Fn fn) {
  if (!message.enterContainer("{sv}")) {
    message.clearFlags();
    return;
  }
  while (message.enterDictEntry("sv")) {
    char* key = nullptr;
    message >> key;
    if (!fn(std::string_view(key))) skip(message);
    message.exitDictEntry();
  }
  message.clearFlags();
  message.exitContainer();
}

template <class T>
T read_variant(sdbus::Message& message, const char* signature) {
  T value{};
  message.enterVariant(signature);
  message >> value;
  message.exitVariant();
  return value;
}

/// Appends the AD structure `type` with `head` and the bytes of the variant that comes next; drops one over 255.
void append_bytes(sdbus::Message& message, std::uint8_t type, std::uint16_t head, Bytes& out) {
  const std::size_t start = out.size();
  out.insert(out.end(), {0, type, static_cast<std::uint8_t>(head), static_cast<std::uint8_t>(head >> 8)});
  message.enterVariant("ay");
  if (message.enterContainer("y")) {
    std::uint8_t byte = 0;
    while (message >> byte) out.push_back(byte);
    message.clearFlags();
    message.exitContainer();
  } else {
    message.clearFlags();
  }
  message.exitVariant();
  const std::size_t length = out.size() - start - 1;
  if (length > 254)
    out.resize(start);
  else
    out[start] = static_cast<std::uint8_t>(length);
}

void read_manufacturer(sdbus::Message& message, Bytes& out) {
  message.enterVariant("a{qv}");
  if (message.enterContainer("{qv}")) {
    while (message.enterDictEntry("qv")) {
      std::uint16_t company = 0;
      message >> company;
      append_bytes(message, 0xFF, company, out);
      message.exitDictEntry();
    }
    message.clearFlags();
    message.exitContainer();
  } else {
    message.clearFlags();
  }
  message.exitVariant();
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

void read_service(sdbus::Message& message, Bytes& out) {
  message.enterVariant("a{sv}");
  each_property(message, [&](std::string_view uuid) {
    const auto number = short_uuid(uuid);
    if (number) append_bytes(message, 0x16, *number, out);
    return number.has_value();
  });
  message.exitVariant();
}

template <class T>
void drop(sdbus::Message& message) {
  T value{};
  message >> value;
}

void skip_all(sdbus::Message& message) {
  while (compat::peek(message).first != '\0') skip(message);
}

}  // namespace

void Report::clear() {
  rssi.reset();
  has_manufacturer = has_service = false;
  manufacturer.clear();
  service.clear();
}

void read_device(sdbus::Message& message, Report& report) {
  each_property(message, [&](std::string_view key) {
    if (key == "RSSI") {
      report.rssi = static_cast<std::int8_t>(read_variant<std::int16_t>(message, "n"));
    } else if (key == "ManufacturerData") {
      report.has_manufacturer = true;
      read_manufacturer(message, report.manufacturer);
    } else if (key == "ServiceData") {
      report.has_service = true;
      read_service(message, report.service);
    } else {
      return false;
    }
    return true;
  });
}

void read_adapter(sdbus::Message& message, AdapterReport& report) {
  each_property(message, [&](std::string_view key) {
    if (key == "Address")
      report.address = read_variant<std::string>(message, "s");
    else if (key == "Powered")
      report.powered = read_variant<bool>(message, "b");
    else if (key == "Discovering")
      report.discovering = read_variant<bool>(message, "b");
    else
      return false;
    return true;
  });
}

void read_interfaces(sdbus::Message& message, const std::function<bool(std::string_view)>& fn) {
  if (!message.enterContainer("{sa{sv}}")) {
    message.clearFlags();
    return;
  }
  while (message.enterDictEntry("sa{sv}")) {
    char* interface = nullptr;
    message >> interface;
    if (!fn(interface)) skip(message);
    message.exitDictEntry();
  }
  message.clearFlags();
  message.exitContainer();
}

void skip(sdbus::Message& message) {
  const auto [type, contents] = compat::peek(message);
  switch (type) {
    case 'y': return drop<std::uint8_t>(message);
    case 'b': return drop<bool>(message);
    case 'n': return drop<std::int16_t>(message);
    case 'q': return drop<std::uint16_t>(message);
    case 'i': return drop<std::int32_t>(message);
    case 'u': return drop<std::uint32_t>(message);
    case 'x': return drop<std::int64_t>(message);
    case 't': return drop<std::uint64_t>(message);
    case 'd': return drop<double>(message);
    case 's': return drop<char*>(message);
    case 'o': return drop<sdbus::ObjectPath>(message);
    case 'g': return drop<sdbus::Signature>(message);
    case 'h': return drop<sdbus::UnixFd>(message);
    case 'a': message.enterContainer(contents.c_str()); break;
    case 'v': message.enterVariant(contents.c_str()); break;
    case 'r': message.enterStruct(contents.c_str()); break;
    case 'e': message.enterDictEntry(contents.c_str()); break;
    default: return;
  }
  message.clearFlags();
  skip_all(message);
  message.exitContainer();  // the same for every kind
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
  return DevicePath{path.substr(0, at), *address};
}

}  // namespace foyer::drivers::bluez
