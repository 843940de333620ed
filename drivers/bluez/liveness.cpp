#include "drivers/bluez/liveness.hpp"

#include <algorithm>

namespace foyer::drivers::bluez {
namespace {

constexpr double kMemory = 600;   ///< seconds over which the rate is learned
constexpr double kGaps = 20;      ///< a silence of so many mean gaps is no chance
constexpr double kLongGaps = 12;  ///< nor is one of so many where that is long: it is rarely come to

using Seconds = std::chrono::duration<double>;

}  // namespace

void Liveness::listening(MonoTime now) {
  began_ = ticked_ = now;
  count_ = 0;
}

void Liveness::tick(MonoTime now) {
  // Silence teaches nothing until it ends, or a deaf radio would in time be found normal.
  const double passed = Seconds(now - ticked_).count();
  if (count_ == 0 || passed <= 0) return;
  learned_ = std::min(learned_ + passed, kMemory);  // young, the rate is the plain mean; later it forgets
  rate_ += (static_cast<double>(count_) / passed - rate_) * std::min(passed / learned_, 1.0);
  ticked_ = now;
  count_ = 0;
}

MonoTime::duration Liveness::silence(MonoTime now) const {
  return std::max(now - std::max(last_, began_), MonoTime::duration{0});
}

MonoTime::duration Liveness::suspicious_after() const {
  const MonoTime::duration least = pace_.silence;
  if (rate_ <= 0) return std::max<MonoTime::duration>(least, pace_.quiet);
  return std::max(least, std::min(gaps(kGaps), std::max<MonoTime::duration>(pace_.notice, gaps(2))));
}

MonoTime::duration Liveness::deaf_after() const {
  return std::min(gaps(kGaps), std::max<MonoTime::duration>(2 * pace_.notice, gaps(kLongGaps)));
}

MonoTime::duration Liveness::gaps(double number) const {
  const double seconds = rate_ > 0 ? std::min(number / rate_, 3600.0) : 3600.0;
  return std::chrono::duration_cast<MonoTime::duration>(Seconds(seconds));
}

int Liveness::senders() const {
  if (last_ == MonoTime{}) return 0;
  const auto recent = std::max<MonoTime::duration>(pace_.silence, rate_ > 0 ? gaps(4) : MonoTime::duration{0});
  return static_cast<int>(std::count_if(senders_.begin(), senders_.end(), [this, recent](MonoTime at) {
    return at != MonoTime{} && last_ - at <= recent;
  }));
}

Liveness::Verdict Liveness::judge(MonoTime now) const {
  if (silence(now) < suspicious_after()) return Verdict::fine;
  return senders() >= kFew && silence(now) >= deaf_after() ? Verdict::deaf : Verdict::suspicious;
}

}  // namespace foyer::drivers::bluez
