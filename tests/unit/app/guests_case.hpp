#pragma once

#include <gtest/gtest.h>

#include "app/guests.hpp"
#include "support/manual_time.hpp"

namespace foyer::app {

using namespace std::chrono_literals;

inline MacAddress mac(int n) { return {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(n)}}; }
inline IpAddress ip(int n) { return parse_ip(fmt::format("10.9.0.{}", n)).value(); }

class FakeGate final : public ports::Gate {
 public:
  Result<void> setup(const ports::GatePolicy&) override { return {}; }
  Result<void> admit(const ports::GuestKey& key, std::chrono::seconds ttl, const ports::Traffic& used) override {
    if (lost) return fail(Code::retry, "lost");
    std::erase_if(open, [&](const auto& one) { return one.first.ip == key.ip && one.first.mac != key.mac; });
    if (!open.contains(key)) bytes[key] = used;
    open[key] = ttl;
    return {};
  }
  Result<ports::Traffic> remove(const ports::GuestKey& key, std::optional<std::chrono::seconds> keep_out) override {
    if (lost) return fail(Code::retry, "lost");
    if (keep_out && keep_out->count() == 0) kept_out.erase(key.mac);
    if (keep_out && keep_out->count() > 0) kept_out[key.mac] = *keep_out;
    return open.erase(key) == 0 ? ports::Traffic{} : std::exchange(bytes[key], {});
  }
  void look(State then) override {
    if (lost) return then(fail(Code::retry, "lost"));
    ports::GateState state;
    for (const auto& [key, ttl] : open) state.guests.push_back({key, ttl, bytes[key]});
    state.tallies["refused"] = 7;
    state.kept_out = kept_out;
    then(state);
  }
  void on_back(std::function<void()>) override {}

  bool lost = false;
  std::map<ports::GuestKey, std::chrono::seconds> open;
  std::map<ports::GuestKey, ports::Traffic> bytes;
  std::map<MacAddress, std::chrono::seconds> kept_out;
};

class FakeStations final : public ports::Stations {
 public:
  Result<void> start(ports::StationEvents&) override { return {}; }
  Result<ports::Station> find(const IpAddress& wanted) override {
    for (const auto& station : list)
      for (const auto& one : station.ips)
        if (one == wanted) return station;
    return fail(Code::refuse, "nobody");
  }
  std::vector<ports::Station> all() override { return list; }
  Result<void> deauthenticate(const MacAddress&) override { return fail(Code::degrade, "no hostapd"); }
  std::vector<ports::Station> list;
};

class GuestsTest : public testing::Test {
 protected:
  GuestsTest() { stations.list = {{mac(1), {ip(1)}, true, {}}, {mac(2), {ip(2)}, true, {}}}; }

  Session session_of(int n, std::chrono::seconds length = 2h) {
    const auto names = subjects.names(mac(n), ip(n));
    return {"s" + std::to_string(n),
            names.subject,
            names.device,
            names.pair,
            Way::link,
            "screen",
            "entrance",
            2,
            clock.wall(),
            clock.wall() + length};
  }

  test::ManualClock clock;
  FakeGate gate;
  FakeStations stations;
  Subjects subjects{{{from_unix_ms(0), Pseudonyms::Key{1}}}};
  std::vector<campaign::SessionEnd> ended;
  Guests guests{&gate, &stations, clock, subjects, [this](const auto& end) { ended.push_back(end); }};
};

}  // namespace foyer::app
