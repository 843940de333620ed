#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.hpp"
#include "base/time.hpp"

/// What a marketer writes (docs/campaigns.md), as values that are valid by construction: campaign/reader.hpp
/// makes them and refuses everything else.
namespace foyer::campaign {

/// One text in several languages, by BCP 47 tag ("zh-CN"). Never empty.
using Text = std::map<std::string, std::string>;

/// The text in the first of `languages` it has, else in any.
const std::string& best_text(const Text& text, const std::vector<std::string>& languages);

/// What makes a campaign decide. A shake is asked for and answered; the others happen, and what they win is an offer.
enum class Trigger { shake, enter, dwell, exit, wifi, qr, purchase };
inline constexpr std::size_t kTriggers = 7;
std::string_view to_string(Trigger trigger);
std::optional<Trigger> parse_trigger(std::string_view name);

/// A daily window in minutes after local midnight; to <= from crosses midnight and belongs to the day it starts on.
struct Hours {
  int from = 0;
  int to = 24 * 60;
  bool operator==(const Hours&) const = default;
};

/// When, in the shop's time zone. Both dates count; absent is open.
struct Schedule {
  std::optional<std::chrono::year_month_day> from;
  std::optional<std::chrono::year_month_day> until;
  std::uint8_t days = 0x7f;  ///< bit 0 Sunday … bit 6 Saturday (std::chrono::weekday::c_encoding)
  std::vector<Hours> hours;  ///< empty: all day
  std::vector<std::chrono::year_month_day> except;  ///< days left out, ascending, none twice
  bool unlimited() const { return !from && !until && days == 0x7f && hours.empty() && except.empty(); }
  bool operator==(const Schedule&) const = default;
};

struct Where {
  std::vector<std::string> zones;  ///< empty: anywhere in the shop
  int presence = 0;                ///< level 0 to 5 that is needed
  bool operator==(const Where&) const = default;
};

enum class Visits { any, new_, returning };

struct Who {
  std::vector<std::string> any, none;  ///< segments
  Visits visits = Visits::any;
  std::uint32_t holdout_bp = 0;  ///< hundredths of a percent kept out
  bool operator==(const Who&) const = default;
};

/// Wins, except interval, which counts draws. Absent: no limit.
struct Limits {
  std::optional<std::uint32_t> subject_total, subject_day, total, day;
  std::chrono::seconds interval{10};
  bool operator==(const Limits&) const = default;
};

enum class BenefitKind { amount_off, percent_off, gift, exchange, stamp };

struct Benefit {
  BenefitKind kind = BenefitKind::gift;
  std::optional<Money> amount;   ///< amount_off
  std::uint32_t percent_bp = 0;  ///< percent_off
  std::optional<Money> min_spend;
  Text item;  ///< gift, exchange, stamp: what it is for
  bool operator==(const Benefit&) const = default;
};

/// Windows by the weekday they begin on (std::chrono::weekday::c_encoding). All empty: always.
using WeekHours = std::array<std::vector<Hours>, 7>;

struct Validity {
  std::optional<std::chrono::milliseconds> for_;     ///< this long after it begins
  std::optional<std::chrono::year_month_day> until;  ///< to the end of this local day
  bool end_of_day = false;                           ///< for_ runs on to local midnight
  std::optional<std::chrono::year_month_day> from;   ///< begins with this local day …
  std::chrono::milliseconds after{0};                ///< … and no sooner than this after issue
  WeekHours hours;                                   ///< when it may be used
  bool operator==(const Validity&) const = default;
};

enum class PrizeKind { coupon, red_packet, nothing };

struct Prize {
  std::string id;
  PrizeKind kind = PrizeKind::nothing;
  Text title;  ///< may be empty: made from the benefit
  std::uint32_t weight = 1;
  std::optional<std::uint32_t> stock;  ///< absent: no limit
  // coupon
  Benefit benefit;
  Validity valid;
  std::uint32_t uses = 1;
  std::chrono::seconds interval{0};    ///< between two uses
  std::vector<std::string> redeem_at;  ///< store ids; empty: this store
  bool imported_codes = false;         ///< codes come from the merchant's own list; none left: the prize is gone
  // red_packet
  Money total;
  std::uint32_t count = 0;
  std::int64_t at_least_minor = 1;
  bool operator==(const Prize&) const = default;
};

struct Campaign {
  std::string id;
  Text title;
  Trigger trigger = Trigger::shake;
  Schedule schedule;
  Where where;
  Who who;
  Limits limits;
  std::vector<Prize> prizes;  ///< in the order written; at most one `nothing`
  int priority = 0;           ///< higher first, then id
  std::string exclusive;      ///< group; empty: none
  bool paused = false;
  bool operator==(const Campaign&) const = default;
};

}  // namespace foyer::campaign
