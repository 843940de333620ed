#include "drivers/sim/stations.hpp"

#include <algorithm>
#include <deque>
#include <set>

namespace foyer::drivers::sim {
namespace {

constexpr std::size_t kMaxStations = 4096;
constexpr std::int8_t kSignal = -50;

MacAddress mac_of(const IpAddress& ip) {
  if (ip.family == IpAddress::Family::v4) return {{0x02, 0x00, ip.bytes[0], ip.bytes[1], ip.bytes[2], ip.bytes[3]}};
  std::uint64_t mixed = 0xcbf29ce484222325;  // FNV-1a
  for (const auto byte : ip.bytes) mixed = (mixed ^ byte) * 0x100000001b3;
  MacAddress mac{{0x06}};
  for (std::size_t i = 1; i < mac.bytes.size(); ++i) mac.bytes[i] = static_cast<std::uint8_t>(mixed >> (8 * i));
  return mac;
}

class SimStations final : public ports::Stations {
 public:
  Result<void> start(ports::StationEvents& events) override {
    events_ = &events;
    return {};
  }

  Result<ports::Station> find(const IpAddress& ip) override {
    if (known_.insert(ip).second) {
      order_.push_back(ip);
      if (order_.size() > kMaxStations) {
        known_.erase(order_.front());
        order_.pop_front();
      }
    }
    return station(ip);
  }

  std::vector<ports::Station> all() override {
    std::vector<ports::Station> stations;
    for (const auto& ip : order_) stations.push_back(station(ip));
    return stations;
  }

  /// It is thrown off and comes back at its next request.
  Result<void> deauthenticate(const MacAddress& mac) override {
    const auto found = std::ranges::find(order_, mac, mac_of);
    if (found == order_.end()) return {};
    ports::Station gone = station(*found);
    known_.erase(*found);
    order_.erase(found);
    gone.associated = false;
    gone.signal_dbm.reset();
    if (events_ != nullptr) events_->on_station(gone);
    return {};
  }

 private:
  static ports::Station station(const IpAddress& ip) { return {mac_of(ip), {ip}, true, kSignal}; }

  ports::StationEvents* events_ = nullptr;
  std::set<IpAddress> known_;
  std::deque<IpAddress> order_;
};

}  // namespace

std::unique_ptr<ports::Stations> make_stations() { return std::make_unique<SimStations>(); }

}  // namespace foyer::drivers::sim
