#include "ledger/late_clock.hpp"

#include <algorithm>
#include <cstdlib>

#include "ledger/coupons.hpp"

namespace foyer::ledger {
namespace {

/// Memories: where another boot's row falls into the same stretch, it is merely kept longer.
constexpr std::string_view kMemories[] = {
    "UPDATE till_answer SET at_ms = at_ms + ?1 WHERE at_ms BETWEEN ?2 AND ?3",
    "UPDATE draw SET at_ms = at_ms + ?1 WHERE at_ms BETWEEN ?2 AND ?3",
    "UPDATE happening SET at_ms = at_ms + ?1 WHERE at_ms BETWEEN ?2 AND ?3",
    "UPDATE offer SET at_ms = at_ms + ?1 WHERE at_ms BETWEEN ?2 AND ?3",
    "UPDATE order_answer SET at_ms = at_ms + ?1 WHERE at_ms BETWEEN ?2 AND ?3",
    "UPDATE token_use SET at_ms = at_ms + ?1 WHERE at_ms BETWEEN ?2 AND ?3",
    "UPDATE consent SET given_ms = given_ms + ?1 WHERE given_ms BETWEEN ?2 AND ?3",
};

}  // namespace

void LateClock::load(Db& db, const std::string& boot_id, std::uint64_t boot_seq) {
  auto query = db.query(
      "SELECT seq, opened_ms, mono_ms, offset_ms IS NOT NULL FROM boot WHERE boot_id = ? AND seq <= ? AND "
      "mono_ms IS NOT NULL ORDER BY seq");
  query.bind(boot_id, boot_seq);
  std::optional<Stretch> before;
  while (query.next()) {
    const auto opened = query.integer(1), mono = query.integer(2);
    if (before) {
      before->to_ms = mono + before->offset_ms;  // it lasted at most until this one began
      stretches_.push_back(*before);
    }
    before.reset();
    if (query.integer(3) == 0) before = Stretch{static_cast<std::uint64_t>(query.integer(0)), opened, 0, opened - mono};
  }
}

void LateClock::note(std::uint64_t boot_seq, WallTime now, std::int64_t offset_ms) {
  const bool goes_on = !stretches_.empty() && stretches_.back().boot == boot_seq &&
                       std::abs(offset_ms - stretches_.back().offset_ms) <= kSameClockMs;
  if (goes_on) {
    stretches_.back().to_ms = std::max(stretches_.back().to_ms, unix_ms(now));
    return;
  }
  if (stretches_.size() < kMostStretches) stretches_.push_back({boot_seq, unix_ms(now), unix_ms(now), offset_ms});
}

void LateClock::put_right(Context& context, std::int64_t offset_ms) {
  for (const auto& one : stretches_) {
    const auto by = offset_ms - one.offset_ms;
    if (std::abs(by) < kWorthMs) continue;
    for (const auto sql : kMemories) context.db.query(sql).bind(by, one.from_ms, one.to_ms).run();
    move_coupons(context, one.boot, from_unix_ms(one.from_ms), from_unix_ms(one.to_ms), std::chrono::milliseconds(by));
  }
  done_ = true;
}

void LateClock::committed() {
  if (std::exchange(done_, false)) stretches_.clear();
}

}  // namespace foyer::ledger
