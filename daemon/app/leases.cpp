#include "app/leases.hpp"

#include <algorithm>

namespace foyer::app {

void Leases::configure(const std::optional<config::Shoppers>& shoppers) {
  if (!shoppers || !shoppers_ || shoppers->uuid != shoppers_->uuid) {
    by_number_.clear();
    by_subject_.clear();
    next_end_ = MonoTime::max();
  }
  shoppers_ = shoppers;
}

Result<Leases::Lease> Leases::lend(const std::string& subject) {
  if (!shoppers_) return fail(Code::refuse, "this shop lends no identifiers");
  const auto now = clock_.mono();
  tick();
  auto& own = by_subject_[subject];
  if (!own.empty()) {
    const auto& newest = by_number_.at(own.back());
    if (now - newest.began < (newest.ends - newest.began) / 2) return Lease{id_of(own.back()), newest.expires};
  }
  make_room(own);
  const auto number = fresh_number();
  const Entry entry{subject, now, now + shoppers_->lease, clock_.wall() + shoppers_->lease};
  by_number_.emplace(number, entry);
  by_subject_[subject].push_back(number);
  next_end_ = std::min(next_end_, entry.ends + kAfter);
  return Lease{id_of(number), entry.expires};
}

void Leases::make_room(std::vector<Number>& own) {
  if (own.size() >= 2) return remove(own.front());
  if (by_number_.size() < kMost) return;
  const auto first = std::min_element(by_number_.begin(), by_number_.end(),
                                      [](const auto& a, const auto& b) { return a.second.ends < b.second.ends; });
  ++evictions_;
  remove(first->first);
}

void Leases::revoke(const std::string& subject) {
  const auto own = by_subject_.find(subject);
  if (own == by_subject_.end()) return;
  for (const auto number : own->second) by_number_.erase(number);
  by_subject_.erase(own);
}

const std::string* Leases::holder(const BeaconId& id) const {
  if (!lends(id.uuid)) return nullptr;
  const auto entry = by_number_.find(number_of(id));
  return entry != by_number_.end() && clock_.mono() < entry->second.ends ? &entry->second.subject : nullptr;
}

const std::string* Leases::last_holder(const BeaconId& id) const {
  if (!lends(id.uuid)) return nullptr;
  const auto entry = by_number_.find(number_of(id));
  return entry != by_number_.end() ? &entry->second.subject : nullptr;
}

std::vector<BeaconId> Leases::of(const std::string& subject) const {
  std::vector<BeaconId> ids;
  const auto own = by_subject_.find(subject);
  if (own == by_subject_.end()) return ids;
  for (const auto number : own->second)
    if (clock_.mono() < by_number_.at(number).ends) ids.push_back(id_of(number));
  return ids;
}

void Leases::tick() {
  const auto now = clock_.mono();
  if (now < next_end_) return;
  std::vector<Number> over;
  next_end_ = MonoTime::max();
  for (const auto& [number, entry] : by_number_) {
    if (entry.ends + kAfter <= now)
      over.push_back(number);
    else
      next_end_ = std::min(next_end_, entry.ends + kAfter);
  }
  for (const auto number : over) remove(number);
}

BeaconId Leases::id_of(Number number) const {
  return {shoppers_->uuid, static_cast<std::uint16_t>(number >> 16), static_cast<std::uint16_t>(number)};
}

Leases::Number Leases::fresh_number() const {
  for (;;) {
    const auto number = static_cast<Number>(random_below(random_, std::uint64_t{1} << 32));
    if (!by_number_.contains(number)) return number;
  }
}

void Leases::remove(Number number) {
  const auto entry = by_number_.find(number);
  const auto own = by_subject_.find(entry->second.subject);
  std::erase(own->second, number);
  if (own->second.empty()) by_subject_.erase(own);
  by_number_.erase(entry);
}

}  // namespace foyer::app
