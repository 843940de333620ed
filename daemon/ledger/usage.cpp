#include "ledger/usage.hpp"

#include "ledger/codes.hpp"

namespace foyer::ledger {
namespace {

constexpr std::int64_t kToldLow = 1, kToldExhausted = 2;
constexpr std::uint64_t kLowLeft = 10;     ///< stock.low at the last ten …
constexpr std::uint64_t kLowPercent = 10;  ///< … or at a tenth, whichever comes first

std::optional<std::uint64_t> stock_of(const campaign::Prize& prize) {
  std::optional<std::uint64_t> stock;
  if (prize.stock) stock = *prize.stock;
  if (prize.kind == campaign::PrizeKind::red_packet)
    stock = std::min<std::uint64_t>(stock.value_or(prize.count), prize.count);
  return stock;
}

}  // namespace

Bytes counted_as(const Settings& settings, const std::string& subject) {
  const auto digest = hmac_sha256(settings.holdout_key, as_bytes("count:" + subject));
  return Bytes(digest.begin(), digest.begin() + 16);
}

namespace {

/// A clock that is set back over midnight goes on with the day that had begun, so that no cap is counted anew. One day
/// and no more: a count by a clock that was years ahead is over.
bool is_today(std::int64_t day, const Context& context) { return day == context.today() || day == context.today() + 1; }

struct Counted {
  std::int64_t total = 0, day = 0, day_total = 0, last_draw_ms = 0;
};

std::optional<Counted> counted(Db& db, const std::string& campaign, const Bytes& who) {
  auto query = db.query("SELECT total, day, day_total, last_draw_ms FROM subject_use WHERE campaign = ? AND who = ?");
  query.bind(campaign, who);
  if (!query.next()) return std::nullopt;
  return Counted{query.integer(0), query.integer(1), query.integer(2), query.integer(3)};
}

void add_subject(Context& context, const std::string& campaign, const Bytes& who, campaign::Usage& usage) {
  const auto had = counted(context.db, campaign, who);
  if (!had) return;
  usage.subject_total = static_cast<std::uint32_t>(had->total);
  if (is_today(had->day, context)) usage.subject_day = static_cast<std::uint32_t>(had->day_total);
  usage.subject_last_draw = from_unix_ms(had->last_draw_ms);
}

}  // namespace

void carry_counts(Context& context, const std::string& campaign, const Names& names) {
  for (std::size_t i = 1; i < names.size(); ++i) {
    auto had = counted(context.db, campaign, names[i]);
    if (!had) continue;
    // Whoever comes is remembered as long as from today.
    if (!is_today(had->day, context)) had->day = context.today(), had->day_total = 0;
    context.db
        .query(
            "INSERT INTO subject_use (campaign, who, total, day, day_total, last_draw_ms) VALUES (?1,?2,?3,?4,?5,?6) "
            "ON CONFLICT (campaign, who) DO UPDATE SET total = total + ?3, day_total = ?5 + "
            "CASE WHEN day IN (?7, ?7 + 1) THEN day_total ELSE 0 END, "
            "day = CASE WHEN day = ?7 + 1 THEN day ELSE ?4 END, last_draw_ms = max(last_draw_ms, ?6)")
        .bind(campaign, names.front(), had->total, had->day, had->day_total, had->last_draw_ms, context.today())
        .run();
    context.db.query("DELETE FROM subject_use WHERE campaign = ? AND who = ?").bind(campaign, names[i]).run();
  }
}

campaign::Usage usage_of(Context& context, const campaign::Campaign& campaign, const Names& names) {
  campaign::Usage usage;
  const auto count = [](std::int64_t n) { return static_cast<std::uint32_t>(n); };
  {
    auto query = context.db.query("SELECT total, day, day_total FROM campaign_use WHERE campaign = ?");
    query.bind(campaign.id);
    if (query.next()) {
      usage.total = count(query.integer(0));
      usage.day = is_today(query.integer(1), context) ? count(query.integer(2)) : 0;
    }
  }
  if (!names.empty()) {
    carry_counts(context, campaign.id, names);
    add_subject(context, campaign.id, names.front(), usage);
  }
  auto query = context.db.query("SELECT prize, issued FROM prize_use WHERE campaign = ?");
  query.bind(campaign.id);
  while (query.next()) usage.issued[query.text(0)] = count(query.integer(1));
  for (const auto& prize : campaign.prizes)
    if (prize.imported_codes && codes_left(context.db, campaign.id, prize.id, 1) == 0) usage.no_codes.insert(prize.id);
  return usage;
}

void count_draw(Context& context, const std::string& campaign, const Bytes& who, bool won) {
  const auto today = context.today();
  const int win = won ? 1 : 0;
  context.db
      .query(
          "INSERT INTO subject_use (campaign, who, total, day, day_total, last_draw_ms) VALUES (?1,?2,?3,?4,?3,?5) "
          "ON CONFLICT (campaign, who) DO UPDATE SET total = total + ?3, "
          "day_total = CASE WHEN day IN (?4, ?4 + 1) THEN day_total ELSE 0 END + ?3, "
          "day = CASE WHEN day = ?4 + 1 THEN day ELSE ?4 END, last_draw_ms = ?5")
      .bind(campaign, who, win, today, unix_ms(context.now))
      .run();
  if (!won) return;
  context.db
      .query(
          "INSERT INTO campaign_use (campaign, total, day, day_total) VALUES (?1,1,?2,1) "
          "ON CONFLICT (campaign) DO UPDATE SET total = total + 1, "
          "day_total = CASE WHEN day IN (?2, ?2 + 1) THEN day_total ELSE 0 END + 1, "
          "day = CASE WHEN day = ?2 + 1 THEN day ELSE ?2 END")
      .bind(campaign, today)
      .run();
}

void count_prize(Context& context, const std::string& campaign, const campaign::Prize& prize, std::int64_t minor) {
  std::uint64_t issued = 0;
  std::int64_t told = 0;
  {
    auto query = context.db.query(
        "INSERT INTO prize_use (campaign, prize, issued, minor, told) VALUES (?1,?2,1,?3,0) "
        "ON CONFLICT (campaign, prize) DO UPDATE SET issued = issued + 1, minor = minor + ?3 RETURNING issued, told");
    query.bind(campaign, prize.id, minor);
    if (query.next()) {
      issued = static_cast<std::uint64_t>(query.integer(0));
      told = query.integer(1);
    }
    query.run();
  }
  const auto stock = stock_of(prize);
  if (!stock && !prize.imported_codes) return;
  auto left = stock ? *stock - std::min(*stock, issued) : UINT64_MAX;
  bool low = left <= kLowLeft || (stock && left * 100 <= *stock * kLowPercent);
  if (prize.imported_codes) {
    left = std::min(left, codes_left(context.db, campaign, prize.id, kLowLeft + 1));
    low = low || left <= kLowLeft;
  }
  std::int64_t tell = 0;
  if (left == 0)
    tell = kToldExhausted;
  else if (low)
    tell = kToldLow;
  if (tell == 0 || (told & tell) != 0) return;
  context.db.query("UPDATE prize_use SET told = told | ? WHERE campaign = ? AND prize = ?")
      .bind(tell, campaign, prize.id)
      .run();
  context.emit(Stream::ledger, tell == kToldLow ? "stock.low" : "stock.exhausted", "",
               {{"campaign", campaign}, {"prize", prize.id}, {"left", left}});
}

}  // namespace foyer::ledger
