// One virtual Bluetooth controller behind /dev/vhci: answers the kernel's HCI commands like the dual-mode radio of a
// Raspberry Pi (legacy advertising only), tells what it transmits, and reports what it hears with a chosen RSSI.
// Single-threaded; owns its file descriptor. Source of numbers: Bluetooth Core 5.3, volume 4, part E.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace vradio {

using Bytes = std::vector<std::uint8_t>;
using Address = std::array<std::uint8_t, 6>;  // little endian, as on the wire

// One advertising event on the air.
struct Advert {
  std::uint8_t type = 3;          // 0 connectable, 2 scannable, 3 neither
  std::uint8_t address_type = 0;  // 0 public, 1 random
  Address address{};
  Bytes data;
  Bytes scan_response;
};

// What a test may break. All off at start.
struct Faults {
  bool deaf = false;               // says it scans and reports nothing
  bool until_reset = false;        // deaf only until HCI Reset, as a confused firmware is
  bool hung = false;               // answers no command
  bool strict_duplicates = false;  // honours the duplicate filter by address, as the Pi's radio does
  std::map<std::uint16_t, std::pair<std::uint8_t, int>> refusals;  // opcode → status, how many more times
};

struct Counts {
  std::uint64_t commands = 0;
  std::uint64_t reports = 0;    // delivered to the kernel
  std::uint64_t filtered = 0;   // held back by the duplicate filter
  std::uint64_t overflows = 0;  // the kernel took none
};

class Controller {
 public:
  explicit Controller(Address address) : address_(address) {}
  ~Controller() { unplug(); }
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // False, with errno, when /dev/vhci cannot be had. The kernel shows a new hciN.
  bool plug();
  void unplug();
  void read_commands();  // when fd() is readable
  void hear(const Advert& advert, std::int8_t rssi);
  void hardware_error();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int index() const { return index_; }
  [[nodiscard]] bool scans() const { return scanning_; }
  [[nodiscard]] std::optional<Advert> transmits() const;
  [[nodiscard]] double interval_ms() const { return adv_interval_ * 0.625; }
  [[nodiscard]] std::string describe() const;  // one JSON object

  Faults faults;

 private:
  void reset();
  void send(Bytes packet);
  void complete(std::uint16_t opcode, std::span<const std::uint8_t> parameters);
  void status(std::uint16_t opcode, std::uint8_t code);
  void command(std::uint16_t opcode, std::span<const std::uint8_t> parameters);
  bool le_state_command(std::uint16_t opcode, std::span<const std::uint8_t> parameters);
  bool set_scan(std::uint16_t opcode, std::span<const std::uint8_t> parameters);
  bool set_advertising(std::uint16_t opcode, std::span<const std::uint8_t> parameters);
  void report(std::uint8_t type, const Advert& advert, const Bytes& data, std::int8_t rssi);

  Address address_;
  Address random_{};
  int fd_ = -1;
  int index_ = -1;
  bool scanning_ = false;
  bool active_ = false;
  bool filter_duplicates_ = false;
  std::set<Address> heard_;  // since the scan was enabled; for the duplicate filter
  bool advertising_ = false;
  std::uint16_t adv_interval_ = 0x0800;  // × 0.625 ms
  std::uint8_t adv_type_ = 0;
  std::uint8_t adv_own_address_ = 0;
  Bytes adv_data_;
  Bytes scan_response_;
  Counts counts_;
};

}  // namespace vradio
