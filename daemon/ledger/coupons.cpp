#include "ledger/coupons.hpp"

namespace foyer::ledger {
namespace {

constexpr std::string_view kById =
    "SELECT id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, issued_ms, "
    "expires_ms, title, benefit, redeem_at, zone FROM coupon WHERE id = ?";
constexpr std::string_view kByCode =
    "SELECT id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, issued_ms, "
    "expires_ms, title, benefit, redeem_at, zone FROM coupon WHERE code = ?";
constexpr std::string_view kBySubject =
    "SELECT id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, issued_ms, "
    "expires_ms, title, benefit, redeem_at, zone FROM coupon WHERE subject = ? AND subject != '' "
    "ORDER BY issued_ms DESC, id LIMIT ?";

CouponRow read(const Query& query) {
  CouponRow row;
  auto& coupon = row.coupon;
  coupon.id = query.text(0);
  coupon.code = query.text(1);
  coupon.campaign = query.text(2);
  coupon.prize = query.text(3);
  coupon.subject = query.text(4);
  coupon.state = campaign::parse_coupon_state(query.text(5)).value_or(campaign::CouponState::voided);
  row.uses = static_cast<std::uint32_t>(query.integer(6));
  coupon.uses_left = static_cast<std::uint32_t>(query.integer(7));
  row.interval = std::chrono::seconds(query.integer(8));
  if (query.integer(9) != 0) row.last_used = from_unix_ms(query.integer(9));
  coupon.issued_at = from_unix_ms(query.integer(10));
  coupon.expires_at = from_unix_ms(query.integer(11));
  coupon.title = text_from(Json::parse(query.text(12)));
  coupon.benefit = benefit_from(Json::parse(query.text(13)));
  coupon.redeem_at = Json::parse(query.text(14)).get<std::vector<std::string>>();
  row.zone = query.text(15);
  return row;
}

std::optional<CouponRow> read_one(Query query, const std::string& key) {
  query.bind(key);
  if (!query.next()) return std::nullopt;
  return read(query);
}

}  // namespace

void insert_coupon(Db& db, const CouponRow& row) {
  const auto& coupon = row.coupon;
  db.query(
        "INSERT INTO coupon (id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, "
        "issued_ms, expires_ms, title, benefit, redeem_at, zone) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(coupon.id, coupon.code, coupon.campaign, coupon.prize, coupon.subject, campaign::to_string(coupon.state),
            row.uses, coupon.uses_left, row.interval.count(), row.last_used ? unix_ms(*row.last_used) : 0,
            unix_ms(coupon.issued_at), unix_ms(coupon.expires_at), dump(to_json(coupon.title)),
            dump(to_json(coupon.benefit)), dump(coupon.redeem_at), row.zone)
      .run();
}

std::optional<CouponRow> coupon_by_id(Db& db, const std::string& id) { return read_one(db.query(kById), id); }

std::optional<CouponRow> coupon_by_code(Db& db, const std::string& code) { return read_one(db.query(kByCode), code); }

std::vector<campaign::Coupon> coupons_of(Db& db, const std::string& subject) {
  std::vector<campaign::Coupon> coupons;
  auto query = db.query(kBySubject);
  query.bind(subject, kMaxCouponsShown);
  while (query.next()) coupons.push_back(read(query).coupon);
  return coupons;
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
