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

struct Known {
  std::optional<std::int8_t> signal;
  std::string fingerprint;
  bool operator==(const Known&) const = default;
};

std::string_view value_of(std::string_view reply, std::string_view key) {
  const auto line = fmt::format("\n{}=", key);
  const auto at = reply.find(line);
  if (at == reply.npos) return {};
  const auto value = reply.substr(at + line.size());
  return value.substr(0, value.find('\n'));
}

/// What a device says of itself in its association request (IEEE 802.11-2020 9.3.3.5) and hostapd tells: the same
/// device says the same each time. Empty: hostapd tells nothing of it.
std::string fingerprint_of(std::string_view reply) {
  std::string all;
  for (const auto* key : {"capability", "listen_interval", "supported_rates", "ht_caps_info", "ht_mcs_bitmask",
                          "vht_caps_info", "rx_vht_mcs_map", "tx_vht_mcs_map", "ext_capab"})
    if (const auto value = value_of(reply, key); !value.empty()) all += fmt::format("{}={};", key, value);
  return all;
}

/// STA-FIRST and STA-NEXT answer with the address on the first line, `key=value` on each other.
std::optional<std::pair<MacAddress, Known>> parse_station(std::string_view reply) {
  const auto mac = parse_mac(reply.substr(0, reply.find('\n')));
  if (!mac) return std::nullopt;
  Known known;
  int value = 0;
  const auto text = value_of(reply, "signal");
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec == std::errc{} && value >= -127 && value < 0) known.signal = static_cast<std::int8_t>(value);
  if (reply.find("[ASSOC]") == reply.npos && reply.find("\nflags=") != reply.npos) return std::nullopt;
  known.fingerprint = fingerprint_of(reply);
  return std::pair{*mac, known};
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
    for (const auto& [mac, known] : left)  // no address yet
      stations.push_back({mac, {}, true, known.signal, known.fingerprint});
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
    if (!station.associated) return station;
    station.signal_dbm = known->second.signal;
    station.fingerprint = known->second.fingerprint;
    return station;
  }

  void tell(const MacAddress& mac) {
    for (auto& station : neighbours_->all())
      if (station.mac == mac) return events_->on_station(merge(std::move(station)));
    events_->on_station(merge({mac, {}, false, std::nullopt, {}}));
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
    for (const auto& [mac, known] : std::exchange(associated_, {})) tell(mac);
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
    if (name == "AP-STA-CONNECTED" && associated_.size() < kMaxStations) return on_connected(*mac);
    if (name == "AP-STA-DISCONNECTED" && associated_.erase(*mac) > 0) tell(*mac);
  }

  /// Asks at once what the device said of itself: one that took over the address of a guest has no seconds to use it.
  void on_connected(const MacAddress& mac) {
    auto answer = requests_->ask("STA " + to_string(mac));
    if (!answer) return lose(answer.error().message);
    const auto station = parse_station(*answer);
    associated_.insert_or_assign(mac, station ? station->second : Known{});
    tell(mac);
  }

  void poll_stations() {
    std::map<MacAddress, Known> now;
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
    for (const auto& [mac, known] : before)
      if (!associated_.contains(mac)) tell(mac);
    for (const auto& [mac, known] : std::map(associated_))
      if (const auto old = before.find(mac); old == before.end() || old->second != known) tell(mac);
  }

  const Settings settings_;
  const std::unique_ptr<ports::Stations> neighbours_;
  ports::Poller& poller_;
  ports::Timers& timers_;
  ports::StationEvents* events_ = nullptr;
  std::unique_ptr<Control> requests_, events_connection_;
  std::unique_ptr<ports::Handle> watch_, timer_;
  std::map<MacAddress, Known> associated_;
  std::string why_ = "hostapd: not started";
};

}  // namespace

std::unique_ptr<ports::Stations> make_stations(Settings settings, std::unique_ptr<ports::Stations> neighbours,
                                               ports::Poller& poller, ports::Timers& timers) {
  return std::make_unique<HostapdStations>(std::move(settings), std::move(neighbours), poller, timers);
}

}  // namespace foyer::drivers::hostapd
