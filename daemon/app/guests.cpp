#include "app/guests.hpp"

#include <algorithm>
#include <set>

namespace foyer::app {

using portal::Visitor;
using ports::GuestKey;
using ports::Station;

namespace {

/// The address a session is made for: the device's IPv4 where it has one (docs/gate.md).
IpAddress main_address(const Station& station, const IpAddress& asked) {
  if (asked.family == IpAddress::Family::v4) return asked;
  for (const auto& ip : station.ips)
    if (ip.family == IpAddress::Family::v4) return ip;
  return asked;
}

bool is_v6(const IpAddress& ip) { return ip.family == IpAddress::Family::v6; }

}  // namespace

Guests::Guests(ports::Gate* gate, ports::Stations* stations, const ports::Clock& clock, const Subjects& subjects,
               Ended ended)
    : gate_(gate), stations_(stations), clock_(clock), subjects_(subjects), ended_(std::move(ended)) {}

std::chrono::seconds Guests::left(const Entry& entry) const {
  return std::chrono::ceil<std::chrono::seconds>(entry.ends - clock_.mono());
}

Guests::Entry Guests::make_entry(const Session& session) const {
  // What the wall clock says is left, but never more than the session was given: the clock may have gone back.
  const auto most = session.until - session.since;
  const auto left = std::clamp(session.until - clock_.wall(), std::chrono::milliseconds{0}, most);
  Entry entry;
  entry.session = session;
  entry.ends = clock_.mono() + left;
  return entry;
}

Guests::Entry* Guests::find(const MacAddress& mac, const IpAddress& ip) {
  for (const auto& names : subjects_.names(mac, ip))
    if (const auto it = by_pair_.find(names.pair); it != by_pair_.end()) return &it->second;
  return nullptr;
}

Guests::Entry* Guests::find(const Station& station) {
  for (const auto& ip : station.ips)
    if (auto* entry = find(station.mac, ip)) return entry;
  return nullptr;
}

Result<void> Guests::reconcile(const std::vector<Session>& recorded) {
  for (const auto& session : recorded) {
    auto entry = make_entry(session);
    if (left(entry).count() > 0) by_pair_.try_emplace(session.pair, std::move(entry));
  }
  return reconcile();
}

Result<void> Guests::reconcile() {
  if (gate_ == nullptr) return {};
  const auto open = gate_->guests();
  fault_ = open ? std::string{} : open.error().message;
  if (!open) return fail(open);
  for (auto& [pair, entry] : by_pair_) {
    entry.key.reset();
    entry.extra.clear();
  }
  std::set<MacAddress> known;
  for (const auto& guest : *open) {
    if (is_v6(guest.key.ip)) continue;
    if (auto* entry = find(guest.key.mac, guest.key.ip)) {
      entry->key = guest.key;
      known.insert(guest.key.mac);
    } else if (auto shut = gate_->remove(guest.key); !shut) {
      return shut;
    }
  }
  for (const auto& guest : *open) {
    if (!is_v6(guest.key.ip)) continue;
    if (auto* entry = find(guest.key.mac, guest.key.ip))
      entry->key = guest.key;  // a session made over IPv6 alone
    else if (!known.contains(guest.key.mac))
      if (auto shut = gate_->remove(guest.key); !shut) return shut;
  }
  for (const auto& station : stations_->all()) on_station(station);
  return {};
}

Result<Visitor> Guests::who(const IpAddress& ip) {
  if (stations_ == nullptr) return fail(Code::refuse, "there is no guest Wi-Fi here");
  const auto station = stations_->find(ip);
  if (!station) return fail(station);
  const auto address = main_address(*station, ip);
  auto* entry = find(station->mac, address);
  if (entry == nullptr && is_v6(ip)) entry = find(*station);
  const auto all = subjects_.names(station->mac, address);
  Visitor visitor;
  visitor.subject = all.front().subject;
  visitor.device = all.front().device;
  visitor.pair = all.front().pair;
  visitor.associated = station->associated;
  for (const auto& names : all) visitor.known_as.push_back(names.subject);
  // A device that asks shows itself; recorded but not open (the gate is away, or full) is not in.
  if (entry != nullptr && !entry->key && left(*entry).count() > 0 && gate_ != nullptr)
    if (auto opened = open_entry(*entry, *station, address); !opened) fault_ = opened.error().message;
  if (entry != nullptr && entry->key && left(*entry).count() > 0) {
    visitor.session = entry->session;
    visitor.subject = entry->session.subject;
    visitor.device = entry->session.device;
    visitor.pair = entry->session.pair;
    visitor.zone = entry->session.zone;
    // Level 3 is being on the shop's Wi-Fi now; what the way in proved may be more.
    visitor.presence = std::max(station->associated ? 3 : 0, entry->session.evidence);
  }
  return visitor;
}

std::optional<std::int8_t> Guests::signal(const IpAddress& ip) const {
  if (stations_ == nullptr) return std::nullopt;
  const auto station = stations_->find(ip);
  return station && station->associated ? station->signal_dbm : std::nullopt;
}

Result<void> Guests::open(const Session& session, const IpAddress& ip) {
  if (gate_ == nullptr) return fail(Code::degrade, "there is no gate here");
  const auto station = stations_->find(ip);
  if (!station) return fail(station);
  auto& entry = by_pair_[session.pair];
  auto fresh = make_entry(session);
  if (entry.session.id == session.id) {
    fresh.bytes_up = entry.bytes_up;
    fresh.bytes_down = entry.bytes_down;
  }
  fresh.key = entry.key;
  fresh.extra = std::move(entry.extra);
  entry = std::move(fresh);
  return open_entry(entry, *station, main_address(*station, ip));
}

Result<void> Guests::open_entry(Entry& entry, const Station& station, const IpAddress& ip) {
  const GuestKey key{station.mac, ip};
  if (auto opened = gate_->admit(key, left(entry)); !opened) return opened;
  take_over(key, entry);
  entry.key = key;
  entry.extra.clear();  // what was open is opened again for the time that is left now
  open_extra(entry, station);
  return {};
}

void Guests::open_extra(Entry& entry, const Station& station) {
  // A phone uses several IPv6 addresses at once (RFC 8981); past this many the newest wait for an old one to go.
  constexpr std::size_t kMostExtra = 16;
  const auto gone = [&](const GuestKey& key) {
    return std::find(station.ips.begin(), station.ips.end(), key.ip) == station.ips.end();
  };
  if (entry.extra.size() >= kMostExtra)
    std::erase_if(entry.extra, [&](const GuestKey& key) { return gone(key) && shut(key, entry).has_value(); });
  for (const auto& ip : station.ips) {
    if (!is_v6(ip) || entry.extra.size() >= kMostExtra) continue;
    const GuestKey key{station.mac, ip};
    if (std::find(entry.extra.begin(), entry.extra.end(), key) != entry.extra.end() || entry.key == key) continue;
    if (!gate_->admit(key, left(entry))) continue;
    take_over(key, entry);
    entry.extra.push_back(key);
  }
}

/// A device that came in anew under another pair (another IPv4, another key of names) brings its addresses along: an
/// address belongs to one session, or the end of the older would shut the newer.
void Guests::take_over(const GuestKey& key, const Entry& by) {
  for (auto& [pair, other] : by_pair_) {
    if (&other == &by) continue;
    if (other.key == key) other.key.reset();
    std::erase(other.extra, key);
  }
}

bool Guests::held_by_another(const GuestKey& key, const Entry& but) const {
  return std::any_of(by_pair_.begin(), by_pair_.end(), [&](const auto& item) {
    const auto& other = item.second;
    return &other != &but &&
           (other.key == key || std::find(other.extra.begin(), other.extra.end(), key) != other.extra.end());
  });
}

Result<void> Guests::shut(const GuestKey& key, const Entry& of) {
  if (held_by_another(key, of)) return {};
  return gate_->remove(key);
}

void Guests::on_station(const Station& station) {
  if (gate_ == nullptr) return;
  auto* entry = find(station);
  if (entry == nullptr || left(*entry).count() <= 0) return;
  if (entry->key) return open_extra(*entry, station);
  for (const auto& ip : station.ips)
    if (find(station.mac, ip) == entry) {
      // A failure leaves it shut; the next neighbour event or the gate's return tries again.
      if (open_entry(*entry, station, ip)) return;
    }
}

Result<void> Guests::end(Entry& entry, const std::string& reason) {
  // On a failure it stays known, and the next tick tries again.
  if (entry.key)
    if (auto done = shut(*entry.key, entry); !done) return done;
  for (const auto& key : entry.extra)
    if (auto done = shut(key, entry); !done) return done;
  ended_({entry.session.id, reason, entry.bytes_up, entry.bytes_down});
  by_pair_.erase(std::string(entry.session.pair));
  return {};
}

Result<std::size_t> Guests::remove(const std::string& ip_or_mac, const std::string& reason) {
  if (gate_ == nullptr) return fail(Code::degrade, "there is no gate here");
  const auto mac = parse_mac(ip_or_mac);
  const auto ip = parse_ip(ip_or_mac);
  if (!mac && !ip) return fail(Code::refuse, "'{}' is neither an IP nor a MAC address", ip_or_mac);
  read_counters();
  const auto named = [&](const GuestKey& key) { return (mac && key.mac == *mac) || (ip && key.ip == *ip); };
  std::vector<std::string> pairs;
  for (const auto& [pair, entry] : by_pair_)
    if ((entry.key && named(*entry.key)) || std::any_of(entry.extra.begin(), entry.extra.end(), named))
      pairs.push_back(pair);
  // Recorded, not open, and there: it would be opened by itself later.
  for (const auto& station : stations_->all()) {
    const bool meant = (mac && station.mac == *mac) ||
                       (ip && std::find(station.ips.begin(), station.ips.end(), *ip) != station.ips.end());
    const auto* entry = meant ? find(station) : nullptr;
    if (entry != nullptr && !entry->key) pairs.push_back(entry->session.pair);
  }
  for (const auto& pair : pairs)
    if (auto ended = end(by_pair_.at(pair), reason); !ended) return fail(ended);
  return pairs.size();
}

void Guests::read_counters() {
  if (gate_ == nullptr) return;
  const auto open = gate_->guests();
  fault_ = open ? std::string{} : open.error().message;
  if (!open) return;
  std::map<GuestKey, std::pair<std::uint64_t, std::uint64_t>> bytes;
  for (const auto& guest : *open) bytes[guest.key] = {guest.bytes_up, guest.bytes_down};
  for (auto& [pair, entry] : by_pair_) {
    if (!entry.key) continue;
    std::uint64_t up = 0, down = 0;
    const auto add = [&](const GuestKey& key) {
      if (const auto it = bytes.find(key); it != bytes.end()) {
        up += it->second.first;
        down += it->second.second;
      }
    };
    add(*entry.key);
    for (const auto& key : entry.extra) add(key);
    entry.bytes_up = std::max(entry.bytes_up, up);
    entry.bytes_down = std::max(entry.bytes_down, down);
  }
}

void Guests::tick() {
  read_counters();
  std::vector<std::string> over;
  for (const auto& [pair, entry] : by_pair_)
    if (left(entry).count() <= 0) over.push_back(pair);
  for (const auto& pair : over)
    if (auto ended = end(by_pair_.at(pair), "expired"); !ended) fault_ = ended.error().message;
}

std::vector<Guests::Client> Guests::clients() {
  read_counters();
  std::map<MacAddress, Station> stations;
  if (stations_ != nullptr)
    for (auto& station : stations_->all()) stations[station.mac] = station;
  std::vector<Client> clients;
  for (const auto& [pair, entry] : by_pair_) {
    if (!entry.key) continue;
    Client client{entry.key->mac, entry.key->ip, {}, entry.session, left(entry), entry.bytes_up, entry.bytes_down, {}};
    for (const auto& key : entry.extra) client.ips6.push_back(key.ip);
    if (const auto it = stations.find(entry.key->mac); it != stations.end()) client.signal_dbm = it->second.signal_dbm;
    clients.push_back(std::move(client));
  }
  return clients;
}

Result<IpAddress> Guests::address_of(const std::string& ip_or_mac) {
  if (const auto ip = parse_ip(ip_or_mac)) return *ip;
  const auto mac = parse_mac(ip_or_mac);
  if (!mac) return fail(Code::refuse, "'{}' is neither an IP nor a MAC address", ip_or_mac);
  if (stations_ != nullptr)
    for (const auto& station : stations_->all())
      if (station.mac == *mac && !station.ips.empty()) return main_address(station, station.ips.front());
  return fail(Code::refuse, "no device with {} is on the guests' side", ip_or_mac);
}

std::size_t Guests::open_sessions() const {
  return static_cast<std::size_t>(
      std::count_if(by_pair_.begin(), by_pair_.end(), [](const auto& item) { return item.second.key.has_value(); }));
}

}  // namespace foyer::app
