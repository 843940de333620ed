#pragma once

#include <array>
#include <cstdint>

#include "base/net.hpp"
#include "base/time.hpp"
#include "drivers/bluez/bluez.hpp"

namespace foyer::drivers::bluez {

/// Judges the silence of one adapter by what its place is used to. `Discovering` says nothing: it stays true with a
/// deaf radio. Pure: moved by heard() and tick() with the time handed in.
///
/// Suspicious is a silence of 20 mean gaps between adverts (chance: e^-20 where they come independently), and of
/// Pace::silence at least; but no longer one than Pace::notice, or two gaps where they are long: the visits it may end
/// do not last longer. It is deafness after 20 gaps, or 12 and twice Pace::notice, where at least kFew senders were
/// heard until the end: so many do not leave in one moment. Fewer may just have left.
class Liveness {
 public:
  static constexpr int kFew = 3;

  enum class Verdict { fine, suspicious, deaf };

  explicit Liveness(const Pace& pace) : pace_(pace) {}

  /// A scan began: silence counts from here.
  void listening(MonoTime now);
  bool listened() const { return began_ != MonoTime{}; }
  /// A non-empty advert.
  void heard(const MacAddress& from, MonoTime at) {
    if (at > last_) last_ = at;
    ++count_;
    senders_[from.bytes[5] % senders_.size()] = at;  // the lowest byte: random in random and counted in made addresses
  }
  /// Learns the rate; call about once a second while scanning.
  void tick(MonoTime now);

  Verdict judge(MonoTime now) const;
  MonoTime::duration silence(MonoTime now) const;
  double rate() const { return rate_; }  ///< adverts a second over the last ten minutes; 0: nothing learned
  int senders() const;  ///< heard within Pace::silence, or four gaps, before the last advert; at most 32

 private:
  MonoTime::duration gaps(double number) const;
  MonoTime::duration suspicious_after() const;
  MonoTime::duration deaf_after() const;

  Pace pace_;
  MonoTime last_{}, began_{}, ticked_{};
  std::uint64_t count_ = 0;  ///< since the last tick
  double learned_ = 0;       ///< seconds
  double rate_ = 0;
  std::array<MonoTime, 32> senders_{};  ///< when one whose address falls into the place was heard last
};

}  // namespace foyer::drivers::bluez
