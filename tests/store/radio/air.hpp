// The air of the virtual shop: what transmits, when, and how loud each controller hears it. Time is handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "controller.hpp"

namespace vradio {

using Time = std::chrono::steady_clock::time_point;

// A beacon without a kernel behind it: a shelf's iBeacon, a passing phone.
struct Tag {
  Advert advert;
  int rssi = -60;
  int jitter = 0;  // ± dB, even
  double every_ms = 100;
  Time next{};
};

class Air {
 public:
  explicit Air(std::size_t controllers);

  // One line of the control socket; answers "ok", "error: …" or one line of JSON. See tests/store/radio/main.cpp.
  std::string control(std::string_view line, Time now);
  // Sends what is due; the time of the next transmission, if any.
  std::optional<Time> transmit(Time now);

  [[nodiscard]] std::vector<std::unique_ptr<Controller>>& controllers() { return controllers_; }

 private:
  using Words = std::vector<std::string>;
  std::string set_tag(const Words& words, Time now);
  std::string set_fault(const Words& words);
  std::string state() const;
  double advertising_delay();  // 0–10 ms, so that two beacons never stay in step
  int loudness(int rssi, int jitter);

  std::vector<std::unique_ptr<Controller>> controllers_;
  std::vector<Time> next_;                                   // by controller
  std::map<std::pair<std::size_t, std::size_t>, int> rssi_;  // (from, to) where it is not the default
  std::map<std::string, Tag> tags_;
  std::mt19937 random_{20260101};  // the same run every time
};

}  // namespace vradio
