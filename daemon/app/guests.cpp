#include "app/guests.hpp"

#include <algorithm>

namespace foyer::app {

using portal::Visitor;
using ports::GuestKey;
using ports::Station;
using ports::Traffic;

namespace {

/// A phone uses several IPv6 addresses at once (RFC 8981). A device can invent thousands: past this many the newest
/// wait for an old one to go, and none is sought by its name.
constexpr std::size_t kMostExtra = 16;

/// The address a session is made for: the device's IPv4 where it has one (docs/gate.md).
IpAddress main_address(const Station& station, const IpAddress& asked) {
  if (asked.family == IpAddress::Family::v4) return asked;
  for (const auto& ip : station.ips)
    if (ip.family == IpAddress::Family::v4) return ip;
  return asked;
}

void add(Traffic& sum, const Traffic& more) {
  sum.up += more.up;
  sum.down += more.down;
}

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
  entry.active = clock_.mono();
  entry.bytes = {session.bytes_up, session.bytes_down};
  return entry;
}

/// Who is open is found by the address; what is recorded and not open, by its name.
Guests::Entry* Guests::find(const MacAddress& mac, const IpAddress& ip) {
  const GuestKey key{mac, ip};
  if (const auto holder = holders_.find(key); holder != holders_.end())
    if (const auto it = by_pair_.find(holder->second); it != by_pair_.end() && it->second.key == key)
      return &it->second;
  Entry* found = nullptr;
  if (!by_pair_.empty())
    subjects_.find_pair(mac, ip, [&](const std::string& pair) {
      const auto it = by_pair_.find(pair);
      if (it != by_pair_.end()) found = &it->second;
      return found != nullptr;
    });
  return found;
}

Guests::Entry* Guests::find(const Station& station) {
  std::size_t sought = 0;
  for (const bool v6 : {false, true})  // a session is made for the IPv4 address where there is one
    for (const auto& ip : station.ips) {
      if (is_v6(ip) != v6 || ++sought > kMostExtra) continue;
      if (auto* entry = find(station.mac, ip)) return entry;
    }
  return nullptr;
}

Result<Visitor> Guests::who(const IpAddress& ip) {
  if (stations_ == nullptr) return fail(Code::refuse, "there is no guest Wi-Fi here");
  const auto station = stations_->find(ip);
  if (!station) return fail(station);
  const auto address = main_address(*station, ip);
  auto* entry = find(station->mac, address);
  if (entry == nullptr && is_v6(ip)) entry = find(*station);
  if (entry != nullptr) entry->active = clock_.mono();
  // A device that asks shows itself; recorded but not open (the gate is away, or full) is not in.
  if (entry != nullptr && !entry->key && left(*entry).count() > 0 && gate_ != nullptr)
    if (auto opened = open_entry(*entry, *station, address); !opened) fault_ = opened.error().message;
  Visitor visitor;
  visitor.associated = station->associated;
  if (entry != nullptr && entry->key && left(*entry).count() > 0) {
    visitor.session = entry->session;
    visitor.subject = entry->session.subject;
    visitor.device = entry->session.device;
    visitor.pair = entry->session.pair;
    visitor.zone = entry->session.zone;
    // Level 3 is being on the shop's Wi-Fi now; what the way in proved may be more.
    visitor.presence = std::max(station->associated ? 3 : 0, entry->session.evidence);
    visitor.bytes_left = bytes_left(*entry);
    visitor.known_as = entry->known_as;
    visitor.known_devices = entry->known_devices;
    return visitor;
  }
  auto names = subjects_.names(station->mac, address);
  visitor.subject = std::move(names.subject);
  visitor.device = std::move(names.device);
  visitor.pair = std::move(names.pair);
  visitor.known_as = subjects_.known_as(station->mac);
  visitor.known_devices = subjects_.known_devices(station->mac);
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
  if (auto allowed = lift_or_refuse(station->mac, session); !allowed) return allowed;
  auto& entry = by_pair_[session.pair];
  auto fresh = make_entry(session);
  if (entry.session.id == session.id) {
    fresh.bytes = entry.bytes;
    fresh.gone = entry.gone;
    fresh.key = entry.key;
    fresh.extra = std::move(entry.extra);
    fresh.known_as = std::move(entry.known_as);
    fresh.known_devices = std::move(entry.known_devices);
  } else {
    // Another session of the same device and address begins anew, with a quota of its own.
    static_cast<void>(shut_all(entry));
    let_go_of_all(entry);
  }
  entry = std::move(fresh);
  return open_entry(entry, *station, main_address(*station, ip));
}

/// The ledger ended whoever was recorded at the new pair. Shut before it is opened there: what its addresses had used
/// goes along, and counts against the quota.
Result<void> Guests::carry(const Session& session, const IpAddress& ip) {
  if (gate_ == nullptr) return fail(Code::degrade, "there is no gate here");
  const auto station = stations_->find(ip);
  if (!station) return fail(station);
  if (auto allowed = lift_or_refuse(station->mac, session); !allowed) return allowed;
  auto entry = make_entry(session);
  const auto has_it = [&](const auto& item) { return item.second.session.id == session.id; };
  if (const auto old = std::find_if(by_pair_.begin(), by_pair_.end(), has_it); old != by_pair_.end()) {
    const auto total = shut_all(old->second);
    if (!total) return fail(total);
    entry.bytes = {std::max(old->second.bytes.up, total->up), std::max(old->second.bytes.down, total->down)};
    let_go_of_all(old->second);
    by_pair_.erase(old);
  }
  if (const auto there = by_pair_.find(session.pair); there != by_pair_.end()) {
    if (auto closed = shut_all(there->second); !closed) return fail(closed);
    let_go_of_all(there->second);
  }
  auto& placed = by_pair_[session.pair] = std::move(entry);
  return open_entry(placed, *station, main_address(*station, ip));
}

Result<void> Guests::open_entry(Entry& entry, const Station& station, const IpAddress& ip) {
  const GuestKey key{station.mac, ip};
  if (auto may = allowed(station.mac); !may) return may;
  // Where the kernel holds nothing of it, after a reboot, the main address goes on from what was recorded.
  if (auto opened = gate_admit(key, left(entry), entry.bytes); !opened) return opened;
  if (!entry.key) entry.gone = {};  // the kernel held nothing of it
  let_go_of_all(entry);             // what was open is opened again for the time that is left now
  hold(key, entry);
  entry.key = key;
  entry.opened = clock_.mono();
  entry.fingerprint = station.fingerprint;
  note_names(entry, station.mac);
  open_extra(entry, station);
  return {};
}

Result<void> Guests::gate_admit(const GuestKey& key, std::chrono::seconds ttl, const Traffic& used) {
  const auto began = clock_.mono();
  auto done = gate_->admit(key, ttl, used);
  gate_times_.add(std::chrono::duration<double>(clock_.mono() - began).count());
  return done;
}

void Guests::open_extra(Entry& entry, const Station& station) {
  const auto gone = [&](const GuestKey& key) {
    return std::find(station.ips.begin(), station.ips.end(), key.ip) == station.ips.end();
  };
  const auto let_go = [&](const GuestKey& key) {
    const auto used = gone(key) ? shut(key, entry) : Result<Traffic>(fail(Code::refuse, "still there"));
    if (used) add(entry.gone, *used);
    if (used && !held_by_another(key, entry)) holders_.erase(key);
    return used.has_value();
  };
  if (entry.extra.size() >= kMostExtra) std::erase_if(entry.extra, let_go);
  for (const auto& ip : station.ips) {
    if (!is_v6(ip) || entry.extra.size() >= kMostExtra) continue;
    const GuestKey key{station.mac, ip};
    if (std::find(entry.extra.begin(), entry.extra.end(), key) != entry.extra.end() || entry.key == key) continue;
    if (!gate_admit(key, left(entry), {})) continue;
    hold(key, entry);
    entry.extra.push_back(key);
  }
}

/// A device that came in anew under another pair (another IPv4, another key of names) brings its addresses along: an
/// address belongs to one session, or the end of the older would shut the newer.
void Guests::hold(const GuestKey& key, const Entry& by) {
  auto& holder = holders_[key];
  if (const auto other = by_pair_.find(holder); other != by_pair_.end() && &other->second != &by) {
    if (other->second.key == key) other->second.key.reset();
    std::erase(other->second.extra, key);
  }
  holder = by.session.pair;
}

bool Guests::held_by_another(const GuestKey& key, const Entry& but) const {
  const auto holder = holders_.find(key);
  return holder != holders_.end() && holder->second != but.session.pair;
}

/// None of its addresses is open for it any more.
void Guests::let_go_of_all(Entry& entry) {
  if (entry.key) entry.extra.push_back(*entry.key);
  for (const auto& key : entry.extra)
    if (!held_by_another(key, entry)) holders_.erase(key);
  entry.extra.clear();
  entry.key.reset();
}

Result<Traffic> Guests::shut(const GuestKey& key, const Entry& of) {
  if (held_by_another(key, of)) return Traffic{};
  const auto began = clock_.mono();
  auto used = gate_->remove(key);
  gate_times_.add(std::chrono::duration<double>(clock_.mono() - began).count());
  return used;
}

void Guests::on_station(const Station& station) {
  if (gate_ == nullptr) return;
  auto* entry = find(station);
  if (entry == nullptr || left(*entry).count() <= 0) return;
  if (entry->key && is_another(*entry, station)) {
    // Somebody else took the address of a device that is in (docs/gate.md): whoever it is must come in by a way anew.
    if (auto ended = end(*entry, "challenged"); !ended) fault_ = ended.error().message;
    return;
  }
  if (entry->key) return open_extra(*entry, station);
  for (const auto& ip : station.ips)
    if (find(station.mac, ip) == entry) {
      // A failure leaves it shut; the next neighbour event or the gate's return tries again.
      if (open_entry(*entry, station, ip)) return;
    }
}

/// The first thing a device says of its radio while it is in is believed; hostapd may come later than the guest.
bool Guests::is_another(Entry& entry, const Station& station) {
  if (!station.associated || station.fingerprint.empty()) return false;
  if (entry.fingerprint.empty()) entry.fingerprint = station.fingerprint;
  return entry.fingerprint != station.fingerprint;
}

Result<Traffic> Guests::shut_all(const Entry& entry) {
  Traffic total = entry.gone;
  std::vector<GuestKey> open = entry.extra;
  if (entry.key) open.push_back(*entry.key);
  for (const auto& key : open) {
    const auto used = shut(key, entry);
    if (!used) return fail(used);
    add(total, *used);
  }
  return total;
}

std::vector<GuestHere> Guests::here() const {
  std::map<MacAddress, Station> stations;
  if (stations_ != nullptr && !by_pair_.empty())
    for (auto& station : stations_->all()) stations[station.mac] = std::move(station);
  std::vector<GuestHere> guests;
  for (const auto& [pair, entry] : by_pair_) {
    if (!entry.key || left(entry).count() <= 0) continue;
    GuestHere guest{entry.session.id, entry.session.subject, entry.session.zone, false, 0, {}};
    if (const auto it = stations.find(entry.key->mac); it != stations.end()) {
      guest.associated = it->second.associated;
      if (guest.associated) guest.signal = it->second.signal_dbm;
    }
    guest.presence = std::max(guest.associated ? 3 : 0, entry.session.evidence);
    guest.known_as = entry.known_as;
    guests.push_back(std::move(guest));
  }
  return guests;
}

std::optional<std::uint64_t> Guests::bytes_left(const Entry& entry) const {
  if (limits_.quota == 0) return std::nullopt;
  return limits_.quota - std::min(limits_.quota, entry.bytes.up + entry.bytes.down);
}

std::vector<Guests::Client> Guests::clients() {
  std::map<MacAddress, Station> stations;
  if (stations_ != nullptr)
    for (auto& station : stations_->all()) stations[station.mac] = station;
  std::vector<Client> clients;
  for (const auto& [pair, entry] : by_pair_) {
    if (!entry.key) continue;
    Client client{entry.key->mac, entry.key->ip, {}, entry.session, left(entry), entry.bytes, {}, {}};
    client.bytes_left = bytes_left(entry);
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

void Guests::use(const Subjects& subjects) {
  subjects_ = subjects;
  for (auto& [pair, entry] : by_pair_)
    if (entry.key) note_names(entry, entry.key->mac);
}

void Guests::note_names(Entry& entry, const MacAddress& mac) const {
  entry.known_as = subjects_.known_as(mac);
  entry.known_devices = subjects_.known_devices(mac);
}

}  // namespace foyer::app
