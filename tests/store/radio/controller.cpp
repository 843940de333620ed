#include "controller.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace vradio {
namespace {

constexpr std::uint8_t command_packet = 0x01;
constexpr std::uint8_t event_packet = 0x04;
constexpr std::uint8_t vendor_packet = 0xff;  // vhci's own: create a controller
constexpr std::uint8_t disallowed = 0x0c;

constexpr std::uint16_t set_random_address = 0x2005;
constexpr std::uint16_t set_advertising_parameters = 0x2006;
constexpr std::uint16_t set_advertising_data = 0x2008;
constexpr std::uint16_t set_scan_response = 0x2009;
constexpr std::uint16_t set_advertising_enable = 0x200a;
constexpr std::uint16_t set_scan_parameters = 0x200b;
constexpr std::uint16_t set_scan_enable = 0x200c;

// Page 0 of the LMP features: BR/EDR with what the kernel asks for, LE, secure simple pairing.
constexpr std::array<std::uint8_t, 8> features{0xa4, 0x08, 0x08, 0xc0, 0x58, 0x1e, 0x7b, 0x83};

// Answers that never change, after the status byte. What is not here is answered with the status alone.
const std::map<std::uint16_t, Bytes>& fixed_answers() {
  static const std::map<std::uint16_t, Bytes> answers{
      {0x0c0d, Bytes(4)},                                          // stored link keys: none
      {0x0c14, Bytes(248)},                                        // local name
      {0x0c1b, {0x00, 0x08, 0x12, 0x00}},                          // page scan activity
      {0x0c23, Bytes(3)},                                          // class of device
      {0x0c25, {0x60, 0x00}},                                      // voice setting
      {0x0c2d, {0x00, 0x00, 0x00}},                                // transmit power level
      {0x0c38, {0x02}},                                            // inquiry access codes
      {0x0c39, {0x01, 0x33, 0x8b, 0x9e}},                          // current inquiry access code
      {0x0c46, {0x00}},                                            // page scan type
      {0x0c58, {0x00}},                                            // inquiry response power
      {0x1001, {0x08, 0x00, 0x00, 0x08, 0x0f, 0x00, 0x00, 0x61}},  // version: Bluetooth 4.2, Broadcom
      {0x1002, Bytes(64)},                                         // optional commands: none
      {0x1003, Bytes(features.begin(), features.end())},
      {0x1005, {0xc0, 0x00, 0x40, 0x08, 0x00, 0x01, 0x00}},  // buffer sizes
      {0x2002, {0xfb, 0x00, 0x08}},                          // LE buffers
      {0x2003, {0x01, 0, 0, 0, 0, 0, 0, 0}},                 // LE features: encryption only, no extended advertising
      {0x2007, {0x04}},                                      // advertising power
      {0x200f, {0x10}},                                      // accept list size
      {0x2018, {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0}},  // LE random
      {0x201c, {0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0, 0}},        // LE states
      {0x202a, {0x08}},                                            // resolving list size
  };
  return answers;
}

// Commands that start something and are answered with Command Status; nothing here ever connects.
bool wants_status(std::uint16_t opcode) {
  return opcode == 0x0405 || opcode == 0x0419 || opcode == 0x200d || opcode == 0x0406;
}

Bytes with_status(std::uint8_t status, std::span<const std::uint8_t> rest) {
  Bytes all{status};
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

std::uint16_t word(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8);
}

}  // namespace

bool Controller::plug() {
  if (fd_ >= 0) return true;
  const int fd = ::open("/dev/vhci", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  const std::array<std::uint8_t, 2> create{vendor_packet, 0x00};
  if (::write(fd, create.data(), create.size()) != 2) {
    const int why = errno;
    ::close(fd);
    errno = why;
    return false;
  }
  fd_ = fd;
  reset();
  return true;
}

void Controller::unplug() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  index_ = -1;
  reset();
}

void Controller::reset() {
  scanning_ = advertising_ = active_ = filter_duplicates_ = false;
  heard_.clear();
  adv_data_.clear();
  scan_response_.clear();
  adv_interval_ = 0x0800;
}

void Controller::read_commands() {
  std::array<std::uint8_t, 1024> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
    if (got <= 0) return;
    const std::span<const std::uint8_t> packet(buffer.data(), static_cast<std::size_t>(got));
    if (packet[0] == vendor_packet && packet.size() >= 4) {
      index_ = word(packet, 2);
    } else if (packet[0] == command_packet && packet.size() >= 4 && packet.size() >= 4U + packet[3]) {
      ++counts_.commands;
      if (!faults.hung) command(word(packet, 1), packet.subspan(4, packet[3]));
    }
  }
}

void Controller::command(std::uint16_t opcode, std::span<const std::uint8_t> parameters) {
  if (auto refusal = faults.refusals.find(opcode); refusal != faults.refusals.end()) {
    const std::uint8_t code = refusal->second.first;
    if (--refusal->second.second <= 0) faults.refusals.erase(refusal);
    return complete(opcode, std::array{code});
  }
  if (wants_status(opcode)) return status(opcode, disallowed);
  if (opcode == 0x0c03) {
    reset();
    if (faults.until_reset) faults.deaf = faults.until_reset = false;
  }
  if (opcode == 0x1009) return complete(opcode, with_status(0, address_));
  if (opcode == 0x1004) {  // extended features: the host's own page says SSP and LE are on
    const std::uint8_t page = parameters.empty() ? 0 : parameters[0];
    Bytes answer{0, page, 1};
    if (page == 0)
      answer.insert(answer.end(), features.begin(), features.end());
    else
      answer.insert(answer.end(), {0x03, 0, 0, 0, 0, 0, 0, 0});
    return complete(opcode, answer);
  }
  if (opcode == 0x2017) return complete(opcode, with_status(0, Bytes(16)));
  if (!le_state_command(opcode, parameters)) return complete(opcode, std::array{disallowed});
  const auto answer = fixed_answers().find(opcode);
  complete(opcode, with_status(0, answer == fixed_answers().end() ? std::span<const std::uint8_t>{} : answer->second));
}

// False: the specification forbids it in the present state, and so does the Pi's radio.
bool Controller::le_state_command(std::uint16_t opcode, std::span<const std::uint8_t> parameters) {
  switch (opcode) {
    case set_random_address:
      if (advertising_ || scanning_ || parameters.size() < random_.size()) return false;
      std::copy_n(parameters.begin(), random_.size(), random_.begin());
      return true;
    case set_advertising_parameters:
    case set_advertising_data:
    case set_scan_response:
    case set_advertising_enable: return set_advertising(opcode, parameters);
    case set_scan_parameters:
    case set_scan_enable: return set_scan(opcode, parameters);
    default: return true;
  }
}

bool Controller::set_advertising(std::uint16_t opcode, std::span<const std::uint8_t> parameters) {
  if (opcode == set_advertising_enable) {
    advertising_ = !parameters.empty() && parameters[0] != 0;
  } else if (opcode == set_advertising_parameters) {
    if (advertising_ || parameters.size() < 15) return false;
    adv_interval_ = std::max<std::uint16_t>(word(parameters, 0), 0x20);
    adv_type_ = parameters[4];
    adv_own_address_ = parameters[5];
  } else {
    if (parameters.empty() || parameters.size() < 1U + std::min<std::size_t>(parameters[0], 31)) return false;
    const auto data = parameters.subspan(1, std::min<std::size_t>(parameters[0], 31));
    (opcode == set_advertising_data ? adv_data_ : scan_response_).assign(data.begin(), data.end());
  }
  return true;
}

bool Controller::set_scan(std::uint16_t opcode, std::span<const std::uint8_t> parameters) {
  if (opcode == set_scan_parameters) {
    if (scanning_ || parameters.empty()) return false;
    active_ = parameters[0] == 1;
    return true;
  }
  if (parameters.size() < 2) return false;
  scanning_ = parameters[0] != 0;
  filter_duplicates_ = parameters[1] != 0;
  heard_.clear();
  return true;
}

std::optional<Advert> Controller::transmits() const {
  if (!advertising_ || fd_ < 0) return std::nullopt;
  const bool random = (adv_own_address_ & 1) != 0;
  return Advert{adv_type_, static_cast<std::uint8_t>(random), random ? random_ : address_, adv_data_, scan_response_};
}

void Controller::hear(const Advert& advert, std::int8_t rssi) {
  if (!scanning_ || fd_ < 0 || faults.deaf || faults.hung) return;
  if (faults.strict_duplicates && filter_duplicates_ && !heard_.insert(advert.address).second) {
    ++counts_.filtered;
    return;
  }
  report(advert.type, advert, advert.data, rssi);
  const bool scannable = advert.type == 0 || advert.type == 2;
  if (active_ && scannable) report(4, advert, advert.scan_response, rssi);
}

void Controller::report(std::uint8_t type, const Advert& advert, const Bytes& data, std::int8_t rssi) {
  Bytes event{event_packet, 0x3e, static_cast<std::uint8_t>(12 + data.size()), 0x02, 1, type, advert.address_type};
  event.insert(event.end(), advert.address.begin(), advert.address.end());
  event.push_back(static_cast<std::uint8_t>(data.size()));
  event.insert(event.end(), data.begin(), data.end());
  event.push_back(static_cast<std::uint8_t>(rssi));
  ++counts_.reports;
  send(std::move(event));
}

void Controller::hardware_error() {
  if (fd_ >= 0) send({event_packet, 0x10, 1, 0x01});
}

void Controller::complete(std::uint16_t opcode, std::span<const std::uint8_t> parameters) {
  Bytes event{event_packet,
              0x0e,
              static_cast<std::uint8_t>(3 + parameters.size()),
              1,
              static_cast<std::uint8_t>(opcode & 0xff),
              static_cast<std::uint8_t>(opcode >> 8)};
  event.insert(event.end(), parameters.begin(), parameters.end());
  send(std::move(event));
}

void Controller::status(std::uint16_t opcode, std::uint8_t code) {
  send({event_packet, 0x0f, 4, code, 1, static_cast<std::uint8_t>(opcode & 0xff),
        static_cast<std::uint8_t>(opcode >> 8)});
}

void Controller::send(Bytes packet) {
  if (::write(fd_, packet.data(), packet.size()) != static_cast<ssize_t>(packet.size())) ++counts_.overflows;
}

std::string Controller::describe() const {
  std::array<char, 320> text{};
  std::snprintf(text.data(), text.size(),
                R"({"index":%d,"plugged":%s,"scanning":%s,"active":%s,"advertising":%s,"commands":%llu,"reports":%llu,)"
                R"("filtered":%llu,"overflows":%llu})",
                index_, fd_ >= 0 ? "true" : "false", scanning_ ? "true" : "false", active_ ? "true" : "false",
                advertising_ ? "true" : "false", static_cast<unsigned long long>(counts_.commands),
                static_cast<unsigned long long>(counts_.reports), static_cast<unsigned long long>(counts_.filtered),
                static_cast<unsigned long long>(counts_.overflows));
  return text.data();
}

}  // namespace vradio
