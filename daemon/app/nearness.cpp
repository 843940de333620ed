#include "app/nearness.hpp"

#include <algorithm>
#include <iterator>

#include "app/broadcasts.hpp"

namespace foyer::app {

using namespace std::chrono_literals;

void Nearness::configure(std::vector<config::BroadcastBeacon> broadcasts, Bytes key,
                         const std::vector<presence::Zone>& zones) {
  rolling_ = std::move(broadcasts);
  std::erase_if(rolling_, [](const auto& beacon) { return beacon.minor.has_value(); });
  key_ = std::move(key);
  by_signal_.clear();
  std::copy_if(zones.begin(), zones.end(), std::back_inserter(by_signal_), [](const auto& z) { return z.by_signal(); });
}

void Nearness::report(const std::string& subject, const std::vector<BeaconId>& heard) {
  const auto now = clock_.mono();
  for (const auto& id : heard) {
    auto counts = kReportCounts;
    const auto verdict = check(id, counts);
    if (verdict == Verdict::foreign) continue;
    auto& report = entry(subject);
    if (now - report.hour >= 1h) report.hour = now, report.wrong = 0;
    if (report.wrong >= kMostWrong) return;
    if (verdict == Verdict::fresh) {
      report.until = std::max(report.until, now + counts);
    } else {
      ++report.wrong;
      ++wrong_;
    }
  }
}

Nearness::Verdict Nearness::check(const BeaconId& id, std::chrono::seconds& counts) const {
  auto verdict = Verdict::foreign;
  for (const auto& beacon : rolling_) {
    if (beacon.uuid != id.uuid || beacon.major != id.major) continue;
    const auto slot = slot_at(beacon, clock_.wall());
    for (const auto at : {slot, slot - 1})
      if (rolling_minor(key_, beacon.uuid, beacon.major, at) == id.minor) {
        counts = std::max(counts, beacon.rotate);
        return Verdict::fresh;
      }
    verdict = Verdict::wrong;
  }
  return verdict;
}

Nearness::Report& Nearness::entry(const std::string& subject) {
  const auto now = clock_.mono();
  auto found = reports_.find(subject);
  if (found == reports_.end()) {
    if (reports_.size() >= kMostSubjects) {
      ++evictions_;
      reports_.erase(std::min_element(reports_.begin(), reports_.end(), [](const auto& a, const auto& b) {
        return a.second.touched < b.second.touched;
      }));
    }
    found = reports_.emplace(subject, Report{}).first;
    found->second.hour = now;
  }
  found->second.touched = now;
  return found->second;
}

bool Nearness::is_near(const std::string& subject, std::optional<std::int8_t> signal, std::string& at) const {
  bool near = false;
  for (const auto& zone : by_signal_) {
    if (!signal || *signal < zone.enter) continue;
    near = true;
    at = zone.id;
    break;
  }
  for (const auto& id : leases_.of(subject)) {
    const auto heard = presence_.heard(id);
    if (!heard || heard->suspect || heard->hearings < 3 || heard->ago > kLately) continue;
    near = true;
    if (!heard->zone.empty()) at = heard->zone;
  }
  const auto report = reports_.find(subject);
  return near || (report != reports_.end() && clock_.mono() < report->second.until);
}

void Nearness::raise(portal::Visitor& visitor, std::optional<std::int8_t> signal) const {
  if (!visitor.session || !visitor.associated) return;
  if (is_near(visitor.subject, signal, visitor.zone)) visitor.presence = std::max(visitor.presence, 4);
}

void Nearness::raise(GuestHere& guest) const {
  if (!guest.associated) return;
  if (is_near(guest.subject, guest.signal, guest.zone)) guest.presence = std::max(guest.presence, 4);
}

std::vector<GuestHere> Nearness::raised(std::vector<GuestHere> guests) const {
  for (auto& guest : guests) raise(guest);
  return guests;
}

}  // namespace foyer::app
