#include "ledger/coupons.hpp"

#include <algorithm>
#include <map>

#include "campaign/reader.hpp"
#include "ledger/codes.hpp"

namespace foyer::ledger {
namespace {

using campaign::Coupon;

constexpr std::string_view kById =
    "SELECT id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, issued_ms, "
    "expires_ms, title, benefit, redeem_at, starts_ms, hours, reservation, reserved_until_ms, zone FROM coupon WHERE "
    "id = ?";
constexpr std::string_view kByCode =
    "SELECT id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, issued_ms, "
    "expires_ms, title, benefit, redeem_at, starts_ms, hours, reservation, reserved_until_ms, zone FROM coupon WHERE "
    "code = ?";
constexpr std::string_view kBySubject =
    "SELECT id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, issued_ms, "
    "expires_ms, title, benefit, redeem_at, starts_ms, hours, reservation, reserved_until_ms, zone FROM coupon "
    "WHERE subject = ? AND subject != '' ORDER BY issued_ms DESC, id LIMIT ?";

Coupon read(const Query& query) {
  Coupon coupon;
  coupon.id = query.text(0);
  coupon.code = query.text(1);
  coupon.campaign = query.text(2);
  coupon.prize = query.text(3);
  coupon.subject = query.text(4);
  coupon.state = campaign::parse_coupon_state(query.text(5)).value_or(campaign::CouponState::voided);
  coupon.uses = static_cast<std::uint32_t>(query.integer(6));
  coupon.uses_left = static_cast<std::uint32_t>(query.integer(7));
  coupon.interval = std::chrono::seconds(query.integer(8));
  if (query.integer(9) != 0) coupon.last_used = from_unix_ms(query.integer(9));
  coupon.issued_at = from_unix_ms(query.integer(10));
  coupon.expires_at = from_unix_ms(query.integer(11));
  coupon.title = text_from(Json::parse(query.text(12)));
  coupon.benefit = benefit_from(Json::parse(query.text(13)));
  coupon.redeem_at = Json::parse(query.text(14)).get<std::vector<std::string>>();
  coupon.starts_at = from_unix_ms(query.integer(15));
  coupon.hours = week_from(query.text(16));
  coupon.reservation = query.text(17);
  coupon.reserved_until = from_unix_ms(query.integer(18));
  coupon.zone = query.text(19);
  return coupon;
}

std::optional<Coupon> read_one(Query query, const std::string& key) {
  query.bind(key);
  if (!query.next()) return std::nullopt;
  return read(query);
}

/// A free code of our own making, or the next of the merchant's list.
std::optional<std::string> new_code(Context& context, const std::string& campaign, const campaign::Prize& prize) {
  if (prize.imported_codes) return take_code(context, campaign, prize.id);
  for (;;) {
    auto code = campaign::make_code(context.settings.random);
    if (!coupon_by_code(context.db, code)) return code;
  }
}

void set_times(Coupon& coupon, const campaign::Validity& valid, WallTime issued, const campaign::ZoneTime& zone) {
  coupon.issued_at = issued;
  // Only where there is something to wait for: a clock that is set back must not make a coupon of today one of
  // tomorrow.
  if (valid.from || valid.after.count() > 0) coupon.starts_at = campaign::beginning(valid, issued, zone);
  coupon.expires_at = campaign::expiry(valid, issued, zone);
}

/// What the campaign says of this prize, in force or not.
std::optional<campaign::Validity> validity_of(Db& db, const Coupon& coupon) {
  auto query = db.query("SELECT json FROM campaign WHERE id = ?");
  query.bind(coupon.campaign);
  if (!query.next()) return std::nullopt;
  const auto campaign = campaign::parse_campaign_json(query.text(0), "ledger", campaign::Origin::stored);
  if (!campaign) return std::nullopt;
  const auto prize = std::ranges::find(campaign->prizes, coupon.prize, &campaign::Prize::id);
  if (prize == campaign->prizes.end()) return std::nullopt;
  return prize->valid;
}

/// The first 8 characters of every id from this moment on.
std::string second_of(WallTime time) { return fmt::format("{:08x}", static_cast<std::uint32_t>(unix_ms(time) / 1000)); }

void store_times(Db& db, const Coupon& coupon) {
  db.query(
        "UPDATE coupon SET issued_ms = ?, starts_ms = ?, expires_ms = ?, last_used_ms = ?, reserved_until_ms = ? "
        "WHERE id = ?")
      .bind(unix_ms(coupon.issued_at), unix_ms(coupon.starts_at), unix_ms(coupon.expires_at),
            coupon.last_used ? unix_ms(*coupon.last_used) : 0, unix_ms(coupon.reserved_until), coupon.id)
      .run();
}

std::vector<std::string> ids_due(Context& context, std::string_view sql, std::size_t most) {
  std::vector<std::string> ids;
  auto query = context.db.query(sql);
  query.bind(unix_ms(context.now), most);
  while (query.next()) ids.push_back(query.text(0));
  return ids;
}

}  // namespace

std::string dated_id(const Context& context) {
  const auto second = static_cast<std::uint32_t>(unix_ms(context.now) / 1000);
  return fmt::format("{:08x}{}", second, random_hex(context.settings.random, 12));
}

void insert_coupon(Db& db, const Coupon& coupon, std::uint64_t boot) {
  db.query(
        "INSERT INTO coupon (id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, "
        "issued_ms, expires_ms, title, benefit, redeem_at, starts_ms, hours, reservation, reserved_until_ms, zone, "
        "boot) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(coupon.id, coupon.code, coupon.campaign, coupon.prize, coupon.subject, campaign::to_string(coupon.state),
            coupon.uses, coupon.uses_left, coupon.interval.count(), coupon.last_used ? unix_ms(*coupon.last_used) : 0,
            unix_ms(coupon.issued_at), unix_ms(coupon.expires_at), dump(to_json(coupon.title)),
            dump(to_json(coupon.benefit)), dump(coupon.redeem_at), unix_ms(coupon.starts_at), to_record(coupon.hours),
            coupon.reservation, unix_ms(coupon.reserved_until), coupon.zone, boot)
      .run();
}

std::optional<Coupon> coupon_by_id(Db& db, const std::string& id) { return read_one(db.query(kById), id); }

std::optional<Coupon> coupon_by_code(Db& db, const std::string& code) { return read_one(db.query(kByCode), code); }

std::optional<Coupon> issue_coupon(Context& context, const campaign::Campaign& campaign, const campaign::Prize& prize,
                                   const campaign::Shopper& shopper) {
  Coupon coupon;
  auto code = new_code(context, campaign.id, prize);
  if (!code) return std::nullopt;
  coupon.code = std::move(*code);
  coupon.id = dated_id(context);
  coupon.campaign = campaign.id;
  coupon.prize = prize.id;
  coupon.subject = shopper.subject;
  coupon.zone = shopper.zone;
  coupon.title = prize.title;
  coupon.benefit = prize.benefit;
  coupon.uses = coupon.uses_left = std::max(prize.uses, 1u);
  coupon.interval = prize.interval;
  coupon.redeem_at = prize.redeem_at.empty() ? std::vector{context.settings.store} : prize.redeem_at;
  coupon.hours = prize.valid.hours;
  set_times(coupon, prize.valid, context.now, context.zone);
  insert_coupon(context.db, coupon, context.outbox.boot());
  return coupon;
}

std::vector<campaign::Coupon> coupons_of(Db& db, const std::string& subject) {
  std::vector<campaign::Coupon> coupons;
  auto query = db.query(kBySubject);
  query.bind(subject, kMaxCouponsShown);
  while (query.next()) coupons.push_back(read(query));
  return coupons;
}

void move_coupons(Context& context, std::uint64_t boot, WallTime from, WallTime to, std::chrono::milliseconds by) {
  std::map<std::pair<std::string, std::string>, std::optional<campaign::Validity>> prizes;
  const auto move = [&](Coupon coupon) {
    const auto [prize, fresh] = prizes.try_emplace({coupon.campaign, coupon.prize});
    if (fresh) prize->second = validity_of(context.db, coupon);
    if (!prize->second) return;
    set_times(coupon, *prize->second, coupon.issued_at + by, context.zone);
    if (coupon.last_used) *coupon.last_used += by;
    if (coupon.state == campaign::CouponState::reserved) coupon.reserved_until += by;
    store_times(context.db, coupon);
  };
  std::vector<std::string> ids;
  {
    auto query =
        context.db.query("SELECT id FROM coupon WHERE id >= ? AND id < ? AND boot = ? AND issued_ms BETWEEN ? AND ?");
    query.bind(second_of(from), second_of(to + std::chrono::seconds(1)), boot, unix_ms(from), unix_ms(to));
    while (query.next()) ids.push_back(query.text(0));
  }
  for (const auto& id : ids) {
    try {
      move(*coupon_by_id(context.db, id));
    } catch (const Json::exception&) {
      // A row nobody can read stays as it is.
    }
  }
}

std::size_t expire_coupons(Context& context, std::size_t most) {
  // Given up first: a coupon that ran out meanwhile is then found by the second look.
  const auto lapsed = ids_due(
      context,
      "SELECT id FROM coupon WHERE state = 'reserved' AND reserved_until_ms <= ? ORDER BY reserved_until_ms LIMIT ?",
      most);
  for (const auto& id : lapsed) {
    context.db.query("UPDATE coupon SET state = 'issued', reservation = '', reserved_until_ms = 0 WHERE id = ?")
        .bind(id)
        .run();
    const auto coupon = coupon_by_id(context.db, id);
    auto data = coupon_data(*coupon, context.settings.store);
    data["reason"] = "reservation_lapsed";
    context.emit(Stream::ledger, "coupon.voided", coupon->subject, data);
  }
  const auto over = ids_due(
      context, "SELECT id FROM coupon WHERE state = 'issued' AND expires_ms <= ? ORDER BY expires_ms LIMIT ?", most);
  for (const auto& id : over) {
    context.db.query("UPDATE coupon SET state = 'expired' WHERE id = ?").bind(id).run();
    const auto coupon = coupon_by_id(context.db, id);
    context.emit(Stream::ledger, "coupon.expired", coupon->subject, coupon_data(*coupon, context.settings.store));
  }
  return lapsed.size() + over.size();
}

Json coupon_data(const campaign::Coupon& coupon, const std::string& store) {
  Json data{{"coupon", coupon.id},
            {"campaign", coupon.campaign},
            {"prize", coupon.prize},
            {"state", campaign::to_string(coupon.state)}};
  data.update(value_of(coupon.benefit));
  data["store"] = store;
  return data;
}

}  // namespace foyer::ledger
