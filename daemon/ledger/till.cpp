#include "ledger/till.hpp"

#include <algorithm>

#include "ledger/audience.hpp"
#include "ledger/coupons.hpp"
#include "ledger/usage.hpp"

namespace foyer::ledger {
namespace {

using campaign::CouponState;
using campaign::Reason;
using campaign::TillAnswer;
using campaign::TillRequest;

const std::string& store_of(const TillRequest& request, const Settings& settings) {
  return request.store.empty() ? settings.store : request.store;
}

/// The reason its state gives, before anything the till says about itself.
std::optional<Reason> refused_by_state(const CouponRow& row, WallTime now) {
  switch (row.coupon.state) {
    case CouponState::voided: return Reason::voided;
    case CouponState::expired: return Reason::expired;
    case CouponState::redeemed: return Reason::already_redeemed;
    case CouponState::reserved: return Reason::reserved_elsewhere;
    case CouponState::issued: break;
  }
  if (now >= row.coupon.expires_at) return Reason::expired;
  if (row.coupon.uses_left == 0) return Reason::already_redeemed;
  return std::nullopt;
}

bool spends_enough(const campaign::Benefit& benefit, const std::optional<Money>& amount) {
  if (!benefit.min_spend) return true;
  return amount && amount->currency == benefit.min_spend->currency && amount->minor >= benefit.min_spend->minor;
}

std::optional<Reason> refused(const CouponRow& row, const TillRequest& request, const std::string& store,
                              WallTime now) {
  if (auto reason = refused_by_state(row, now)) return reason;
  const auto& stores = row.coupon.redeem_at;
  if (!stores.empty() && std::ranges::find(stores, store) == stores.end()) return Reason::wrong_store;
  if (!spends_enough(row.coupon.benefit, request.amount)) return Reason::min_spend;
  if (row.last_used && std::chrono::abs(now - *row.last_used) < row.interval) return Reason::interval;
  return std::nullopt;
}

/// What makes two requests the same one.
Bytes fingerprint(const TillRequest& request) {
  const Json all{request.code,     request.store,
                 request.terminal, request.operator_,
                 request.check_no, request.amount ? Json{request.amount->minor, request.amount->currency} : Json()};
  const auto digest = sha256(as_bytes(dump(all)));
  return Bytes(digest.begin(), digest.begin() + 16);
}

void add_till(Json& data, const TillRequest& request) {
  if (!request.terminal.empty()) data["terminal"] = request.terminal;
  if (!request.operator_.empty()) data["operator"] = request.operator_;
  if (!request.check_no.empty()) data["check_no"] = request.check_no;
}

/// The conditional update is what makes two tills with one code one success, whatever was read before it.
bool use_once(Context& context, const CouponRow& row) {
  context.db
      .query(
          "UPDATE coupon SET uses_left = uses_left - 1, last_used_ms = ?2, "
          "state = CASE WHEN uses_left = 1 THEN 'redeemed' ELSE state END "
          "WHERE id = ?1 AND state = 'issued' AND uses_left > 0 AND expires_ms > ?2")
      .bind(row.coupon.id, unix_ms(context.now))
      .run();
  return context.db.changes() == 1;
}

TillAnswer redeem_once(Context& context, const TillRequest& request) {
  auto row = coupon_by_code(context.db, request.code);
  if (!row) return {Reason::not_found, std::nullopt};
  const auto& store = store_of(request, context.settings);
  if (auto reason = refused(*row, request, store, context.now)) return {reason, std::move(row->coupon)};
  if (!use_once(context, *row)) return {Reason::already_redeemed, std::move(row->coupon)};
  row = coupon_by_code(context.db, request.code);
  auto data = coupon_data(row->coupon, store);
  data["uses_left"] = row->coupon.uses_left;
  add_till(data, request);
  context.emit(Stream::ledger, "coupon.redeemed", row->coupon.subject, data);
  context.tally.add(campaign::Stage::redeemed, row->coupon.campaign, row->zone,
                    counted_as(context.settings, row->coupon.subject));
  note_bought(context, row->coupon.subject);
  return {std::nullopt, std::move(row->coupon)};
}

}  // namespace

TillAnswer redeem(Context& context, const TillRequest& request) {
  if (request.idempotency_key.empty()) return redeem_once(context, request);
  const auto print = fingerprint(request);
  {
    auto query = context.db.query("SELECT request = ?, answer FROM till_answer WHERE key = ?");
    query.bind(print, request.idempotency_key);
    if (query.next()) {
      if (query.integer(0) == 0) return {Reason::nonce_used, std::nullopt};
      return till_from_record(query.text(1));
    }
  }
  auto answer = redeem_once(context, request);
  context.db.query("INSERT INTO till_answer (key, request, at_ms, answer) VALUES (?,?,?,?)")
      .bind(request.idempotency_key, print, unix_ms(context.now), to_record(answer))
      .run();
  return answer;
}

TillAnswer check(Db& db, const Settings& settings, WallTime now, const TillRequest& request) {
  auto row = coupon_by_code(db, request.code);
  if (!row) return {Reason::not_found, std::nullopt};
  const auto reason = refused(*row, request, store_of(request, settings), now);
  return {reason, std::move(row->coupon)};
}

TillAnswer void_coupon(Context& context, const std::string& code, const std::string& why) {
  auto row = coupon_by_code(context.db, code);
  if (!row) return {Reason::not_found, std::nullopt};
  if (row->coupon.state != CouponState::reserved)
    if (auto reason = refused_by_state(*row, context.now)) return {reason, std::move(row->coupon)};
  context.db.query("UPDATE coupon SET state = 'voided', uses_left = 0 WHERE id = ?").bind(row->coupon.id).run();
  row->coupon.state = CouponState::voided;
  row->coupon.uses_left = 0;
  auto data = coupon_data(row->coupon, context.settings.store);
  data["reason"] = why;
  context.emit(Stream::ledger, "coupon.voided", row->coupon.subject, data);
  return {std::nullopt, std::move(row->coupon)};
}

std::size_t expire_coupons(Context& context, std::size_t most) {
  std::vector<std::string> ids;
  {
    auto query = context.db.query(
        "SELECT id FROM coupon WHERE state = 'issued' AND expires_ms <= ? ORDER BY expires_ms LIMIT ?");
    query.bind(unix_ms(context.now), most);
    while (query.next()) ids.push_back(query.text(0));
  }
  for (const auto& id : ids) {
    context.db.query("UPDATE coupon SET state = 'expired' WHERE id = ?").bind(id).run();
    if (const auto row = coupon_by_id(context.db, id))
      context.emit(Stream::ledger, "coupon.expired", row->coupon.subject,
                   coupon_data(row->coupon, context.settings.store));
  }
  return ids.size();
}

}  // namespace foyer::ledger
