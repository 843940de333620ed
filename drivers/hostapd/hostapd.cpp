#include "drivers/hostapd/hostapd.hpp"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "drivers/hostapd/control.hpp"

namespace foyer::drivers::hostapd {
namespace {

using namespace std::chrono_literals;
constexpr auto kPoll = 5s;
constexpr auto kSeek = 2s;
constexpr auto kAnswer = 1s;
constexpr std::size_t kMaxStations = 2007;  // association ids of IEEE 802.11; hostapd cannot have more
constexpr std::size_t kMaxQueued = 2048;  // requests that wait; more are not asked, the next round finds what they miss

struct Known {
  std::optional<std::int8_t> signal;
  std::string fingerprint;
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
    if (!control_) return fail(Code::degrade, "{}", why_);
    if (!associated_.contains(mac)) return fail(Code::refuse, "hostapd: {} is not associated", to_string(mac));
    ask("DEAUTHENTICATE " + to_string(mac), [](std::string_view) {});  // its leaving is told by an event
    return {};
  }

 private:
  void on_station(const ports::Station& station) override { events_->on_station(merge(station)); }

  /// Until hostapd has told once who is there, the neighbours' word counts.
  ports::Station merge(ports::Station station) const {
    if (!complete_) return station;
    const auto known = associated_.find(station.mac);
    station.associated = known != associated_.end();
    if (!station.associated) return station;
    station.signal_dbm = known->second.signal;
    station.fingerprint = known->second.fingerprint;
    return station;
  }

  void tell(const std::vector<MacAddress>& changed) {
    if (changed.empty()) return;
    std::map<MacAddress, ports::Station> neighbours;
    for (auto& station : neighbours_->all()) neighbours[station.mac] = std::move(station);
    for (const auto& mac : changed) {
      const auto it = neighbours.find(mac);
      events_->on_station(merge(it != neighbours.end() ? it->second : ports::Station{mac, {}, false, {}, {}}));
    }
  }

  void connect() {
    auto control = Control::open(settings_.socket, settings_.own_directory);
    if (!control) return lose(control.error().message);
    control_ = std::make_unique<Control>(std::move(*control));
    watch_ = poller_.watch(control_->descriptor(), POLLIN, [this](std::uint32_t) { on_readable(); });
    timer_ = timers_.every(kPoll, [this] { begin_round(); });
    ask("ATTACH", [this](std::string_view answer) {
      if (!answer.starts_with("OK")) return lose(fmt::format("hostapd: ATTACH: {}", answer));
      begin_round();
    });
  }

  /// A datagram socket does not tell that its other end is gone: silence does.
  void lose(const std::string& why) {
    why_ = why;
    watch_.reset();
    control_.reset();
    queue_.clear();
    round_.reset();
    deadline_.reset();
    complete_ = false;
    timer_ = timers_.after(kSeek, [this] { connect(); });
    std::vector<MacAddress> gone;
    for (const auto& [mac, known] : std::exchange(associated_, {})) gone.push_back(mac);
    tell(gone);
  }

  /// One request at a time is on its way: answers carry nothing that says whose they are.
  struct Request {
    std::string command;
    std::function<void(std::string_view)> done;
  };
  void ask(std::string command, std::function<void(std::string_view)> done) {
    if (queue_.size() >= kMaxQueued) return;
    queue_.push_back({std::move(command), std::move(done)});
    if (queue_.size() == 1) send_next();
  }
  void send_next() {
    if (auto sent = control_->send(queue_.front().command); !sent) {
      const auto why = sent.error().message;
      deadline_ = timers_.after(0ms, [this, why] { lose(why); });  // not while somebody is asking
      return;
    }
    deadline_ = timers_.after(kAnswer, [this] { lose("hostapd: no answer to " + queue_.front().command); });
  }

  void on_readable() {
    while (control_) {
      auto message = control_->next();
      if (!message) return lose(message.error().message);
      if (!*message) return;
      const std::string_view text(**message);
      if (text.starts_with('<'))
        on_event(text.substr(std::min(text.size(), text.find('>') + 1)));
      else if (!queue_.empty())
        on_answer(text);
    }
  }

  void on_answer(std::string_view text) {
    deadline_.reset();
    const auto done = std::move(queue_.front().done);
    queue_.pop_front();
    if (!queue_.empty()) send_next();
    done(text);
  }

  void on_event(std::string_view event) {
    if (event.starts_with("CTRL-EVENT-TERMINATING")) return lose("hostapd: terminating");
    const auto space = event.find(' ');
    if (space == event.npos) return;
    const auto name = event.substr(0, space);
    const auto mac = parse_mac(event.substr(space + 1, 17));
    if (!mac) return;
    // What the device says of itself is asked at once: one that took over a guest's address has no seconds to use it.
    if (name == "AP-STA-CONNECTED")
      ask("STA " + to_string(*mac), [this, mac = *mac](std::string_view answer) {
        const auto station = parse_station(answer);
        if (associated_.size() >= kMaxStations && !associated_.contains(mac)) return;
        associated_.insert_or_assign(mac, station ? station->second : Known{});
        if (round_) round_->insert_or_assign(mac, associated_[mac]);
        tell({mac});
      });
    if (name != "AP-STA-DISCONNECTED") return;
    if (round_) round_->erase(*mac);
    if (associated_.erase(*mac) > 0) tell({*mac});
  }

  /// Asks for everybody, one after the other: for signals, and for what events did not tell. Whoever comes or goes
  /// meanwhile is told by events, which change the round too.
  void begin_round() {
    if (round_) return;
    round_.emplace();
    ask("STA-FIRST", [this](std::string_view answer) { on_round(answer); });
  }

  void on_round(std::string_view answer) {
    if (!round_) return;
    const auto mac = parse_mac(answer.substr(0, answer.find('\n')));
    if (!mac && !answer.empty()) return round_.reset();  // the one it was to follow has left: the next round is whole
    if (!mac || round_->size() >= kMaxStations) return end_round();
    if (const auto station = parse_station(answer)) round_->insert(*station);
    const std::string next = "STA-NEXT " + to_string(*mac);
    ask(next, [this](std::string_view following) { on_round(following); });
  }

  /// A signal that changed is told to whoever asks; it is no event.
  void end_round() {
    const auto before = std::exchange(associated_, std::move(*round_));
    round_.reset();
    complete_ = true;
    std::vector<MacAddress> changed;
    for (const auto& [mac, known] : before)
      if (!associated_.contains(mac)) changed.push_back(mac);
    for (const auto& [mac, known] : associated_)
      if (const auto old = before.find(mac); old == before.end() || old->second.fingerprint != known.fingerprint)
        changed.push_back(mac);
    tell(changed);
  }

  const Settings settings_;
  const std::unique_ptr<ports::Stations> neighbours_;
  ports::Poller& poller_;
  ports::Timers& timers_;
  ports::StationEvents* events_ = nullptr;
  std::unique_ptr<Control> control_;
  std::unique_ptr<ports::Handle> watch_, timer_, deadline_;
  std::deque<Request> queue_;  ///< the first is on its way
  std::map<MacAddress, Known> associated_;
  std::optional<std::map<MacAddress, Known>> round_;  ///< that is under way
  bool complete_ = false;                             ///< hostapd has told everybody once
  std::string why_ = "hostapd: not started";
};

}  // namespace

std::unique_ptr<ports::Stations> make_stations(Settings settings, std::unique_ptr<ports::Stations> neighbours,
                                               ports::Poller& poller, ports::Timers& timers) {
  return std::make_unique<HostapdStations>(std::move(settings), std::move(neighbours), poller, timers);
}

}  // namespace foyer::drivers::hostapd
