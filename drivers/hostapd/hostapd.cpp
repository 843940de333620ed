#include "drivers/hostapd/hostapd.hpp"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "drivers/hostapd/control.hpp"

namespace foyer::drivers::hostapd {
namespace {

using namespace std::chrono_literals;
constexpr auto kPoll = 5s;
constexpr auto kSeek = 2s;
constexpr std::size_t kMaxStations = 2007;  // association ids of IEEE 802.11; hostapd cannot have more

using Signal = std::optional<std::int8_t>;

/// STA-FIRST and STA-NEXT answer with the address on the first line, `key=value` on each other.
std::optional<std::pair<MacAddress, Signal>> parse_station(std::string_view reply) {
  const auto mac = parse_mac(reply.substr(0, reply.find('\n')));
  if (!mac) return std::nullopt;
  Signal signal;
  if (const auto at = reply.find("\nsignal="); at != reply.npos) {
    int value = 0;
    const auto text = reply.substr(at + 8);
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec == std::errc{} && value >= -127 && value < 0) signal = static_cast<std::int8_t>(value);
  }
  if (reply.find("[ASSOC]") == reply.npos && reply.find("\nflags=") != reply.npos) return std::nullopt;
  return std::pair{*mac, signal};
}

class HostapdStations final : public ports::Stations, private ports::StationEvents {
 public:
  HostapdStations(Settings settings, std::unique_ptr<ports::Stations> neighbours, ports::Poller& poller,
                  ports::Timers& timers)
      : settings_(std::move(settings)), neighbours_(std::move(neighbours)), poller_(poller), timers_(timers) {}

  Result<void> start(ports::StationEvents& events) override {
    events_ = &events;
    if (auto started = neighbours_->start(*this); !started) return started;
    connect();
    return {};
  }

  Result<ports::Station> find(const IpAddress& ip) override {
    auto found = neighbours_->find(ip);
    if (!found) return found;
    return merge(std::move(*found));
  }

  std::vector<ports::Station> all() override {
    std::vector<ports::Station> stations = neighbours_->all();
    auto left = associated_;
    for (auto& station : stations) {
      left.erase(station.mac);
      station = merge(std::move(station));
    }
    for (const auto& [mac, signal] : left) stations.push_back({mac, {}, true, signal});  // no address yet
    return stations;
  }

  Result<void> deauthenticate(const MacAddress& mac) override {
    if (!requests_) return fail(Code::degrade, "{}", why_);
    auto answer = requests_->ask("DEAUTHENTICATE " + to_string(mac));
    if (!answer) {
      lose(answer.error().message);
      return fail(answer);
    }
    if (!answer->starts_with("OK")) return fail(Code::refuse, "hostapd: DEAUTHENTICATE: {}", *answer);
    return {};
  }

 private:
  void on_station(const ports::Station& station) override { events_->on_station(merge(station)); }

  ports::Station merge(ports::Station station) const {
    if (!events_connection_) return station;
    const auto known = associated_.find(station.mac);
    station.associated = known != associated_.end();
    if (station.associated) station.signal_dbm = known->second;
    return station;
  }

  void tell(const MacAddress& mac) {
    for (auto& station : neighbours_->all())
      if (station.mac == mac) return events_->on_station(merge(std::move(station)));
    events_->on_station(merge({mac, {}, false, std::nullopt}));
  }

  void connect() {
    auto requests = Control::open(settings_.socket, settings_.own_directory);
    if (!requests) return lose(requests.error().message);
    auto listener = Control::open(settings_.socket, settings_.own_directory);
    if (!listener) return lose(listener.error().message);
    auto attached = listener->ask("ATTACH");
    if (!attached) return lose(attached.error().message);
    if (!attached->starts_with("OK")) return lose("hostapd: ATTACH: " + *attached);
    requests_ = std::make_unique<Control>(std::move(*requests));
    events_connection_ = std::make_unique<Control>(std::move(*listener));
    watch_ = poller_.watch(events_connection_->descriptor(), POLLIN, [this](std::uint32_t) { on_readable(); });
    timer_ = timers_.every(kPoll, [this] { poll_stations(); });
    poll_stations();
  }

  /// A datagram socket does not tell that its other end is gone: the next request does.
  void lose(const std::string& why) {
    why_ = why;
    watch_.reset();
    events_connection_.reset();
    requests_.reset();
    timer_ = timers_.after(kSeek, [this] { connect(); });
    for (const auto& [mac, signal] : std::exchange(associated_, {})) tell(mac);
  }

  void on_readable() {
    while (events_connection_) {
      auto event = events_connection_->next_event();
      if (!event) return lose(event.error().message);
      if (!*event) return;
      on_event(**event);
    }
  }

  void on_event(std::string_view event) {
    if (event.starts_with("CTRL-EVENT-TERMINATING")) return lose("hostapd: terminating");
    const auto space = event.find(' ');
    if (space == event.npos) return;
    const auto name = event.substr(0, space);
    const auto mac = parse_mac(event.substr(space + 1, 17));
    if (!mac) return;
    if (name == "AP-STA-CONNECTED" && associated_.size() < kMaxStations)
      associated_.try_emplace(*mac);
    else if (name != "AP-STA-DISCONNECTED" || associated_.erase(*mac) == 0)
      return;
    tell(*mac);
  }

  void poll_stations() {
    std::map<MacAddress, Signal> now;
    std::string command = "STA-FIRST";
    while (now.size() < kMaxStations) {
      auto answer = requests_->ask(command);
      if (!answer) return lose(answer.error().message);
      const auto mac = parse_mac(std::string_view(*answer).substr(0, answer->find('\n')));
      if (!mac) break;  // FAIL or empty: the end
      if (const auto station = parse_station(*answer)) now.insert(*station);
      std::string next = "STA-NEXT " + to_string(*mac);
      if (next == command) break;
      command = std::move(next);
    }
    const auto before = std::exchange(associated_, std::move(now));
    for (const auto& [mac, signal] : before)
      if (!associated_.contains(mac)) tell(mac);
    for (const auto& [mac, signal] : std::map(associated_))
      if (const auto old = before.find(mac); old == before.end() || old->second != signal) tell(mac);
  }

  const Settings settings_;
  const std::unique_ptr<ports::Stations> neighbours_;
  ports::Poller& poller_;
  ports::Timers& timers_;
  ports::StationEvents* events_ = nullptr;
  std::unique_ptr<Control> requests_, events_connection_;
  std::unique_ptr<ports::Handle> watch_, timer_;
  std::map<MacAddress, Signal> associated_;
  std::string why_ = "hostapd: not started";
};

}  // namespace

std::unique_ptr<ports::Stations> make_stations(Settings settings, std::unique_ptr<ports::Stations> neighbours,
                                               ports::Poller& poller, ports::Timers& timers) {
  return std::make_unique<HostapdStations>(std::move(settings), std::move(neighbours), poller, timers);
}

}  // namespace foyer::drivers::hostapd
