#include "ledger/till.hpp"

#include "campaign/till_rules.hpp"
#include "ledger/audience.hpp"
#include "ledger/coupons.hpp"
#include "ledger/usage.hpp"

namespace foyer::ledger {
namespace {

using campaign::Coupon;
using campaign::CouponState;
using campaign::Reason;
using campaign::TillAction;
using campaign::TillAnswer;
using campaign::TillRequest;

/// What makes two requests the same one.
Bytes fingerprint(const TillRequest& request) {
  const Json all{static_cast<int>(request.action),
                 request.sealed         ? request.sealed->id
                 : request.code.empty() ? request.typed
                                        : request.code,
                 request.store,
                 request.terminal,
                 request.operator_,
                 request.check_no,
                 request.amount ? Json{request.amount->minor, request.amount->currency} : Json(),
                 request.ttl.count(),
                 request.reservation,
                 request.reason,
                 request.sale};
  const auto digest = sha256(as_bytes(dump(all)));
  return Bytes(digest.begin(), digest.begin() + 16);
}

/// The conditional update is what makes two tills with one code one success, whatever was read before it.
bool use_once(Context& context, const Coupon& coupon) {
  context.db
      .query(
          "UPDATE coupon SET uses_left = uses_left - 1, last_used_ms = ?2, reservation = '', reserved_until_ms = 0, "
          "state = CASE WHEN uses_left = 1 THEN 'redeemed' ELSE 'issued' END "
          "WHERE id = ?1 AND uses_left > 0 AND (state = 'issued' OR (state = 'reserved' AND reservation = ?3))")
      .bind(coupon.id, unix_ms(context.now), coupon.reservation)
      .run();
  return context.db.changes() == 1;
}

bool hold(Context& context, const Coupon& coupon, const std::string& reservation, WallTime until) {
  context.db
      .query(
          "UPDATE coupon SET state = 'reserved', reservation = ?2, reserved_until_ms = ?3 "
          "WHERE id = ?1 AND uses_left > 0 AND (state = 'issued' OR (state = 'reserved' AND reservation = ?4))")
      .bind(coupon.id, reservation, unix_ms(until), coupon.reservation)
      .run();
  return context.db.changes() == 1;
}

void record_use(Context& context, const Coupon& coupon, const TillRequest& request) {
  context.db
      .query(
          "INSERT INTO redemption (coupon, n, at_ms, store, terminal, operator, check_no, minor, currency, ended, "
          "ended_ms) SELECT ?1, ifnull(max(n), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', 0 FROM redemption "
          "WHERE coupon = ?1")
      .bind(coupon.id, unix_ms(context.now), store_of(request, context.settings), request.terminal, request.operator_,
            request.check_no, request.amount ? request.amount->minor : 0,
            request.amount ? request.amount->currency : std::string())
      .run();
}

/// A coupon of another shop comes into our books with its first use here. Its seal alone finds it there: its own code
/// is known at home only, and its id is no secret.
Coupon take_in(Context& context, Shown shown) {
  if (shown.foreign) {
    shown.coupon.code = random_hex(context.settings.random, 16);
    insert_coupon(context.db, shown.coupon, 0);
  }
  return std::move(shown.coupon);
}

TillAnswer refuse(Reason reason, Coupon coupon) {
  TillAnswer answer;
  answer.refused = reason;
  answer.coupon = std::move(coupon);
  return answer;
}

TillAnswer unknown() {
  TillAnswer answer;
  answer.refused = Reason::not_found;
  return answer;
}

/// The coupon after the change, told in an event of this type.
TillAnswer changed(Context& context, const std::string& id, const TillRequest& request, const char* event) {
  TillAnswer answer;
  answer.coupon = coupon_by_id(context.db, id);
  auto data = coupon_data(*answer.coupon, store_of(request, context.settings));
  data["uses_left"] = answer.coupon->uses_left;
  add_till(data, request);
  if (answer.coupon->state == CouponState::reserved) data["until"] = to_rfc3339(answer.coupon->reserved_until);
  context.emit(Stream::ledger, event, answer.coupon->subject, data);
  return answer;
}

TillAnswer redeem(Context& context, const TillRequest& request, Shown shown) {
  const auto coupon = take_in(context, std::move(shown));
  if (!use_once(context, coupon)) return refuse(Reason::already_redeemed, coupon);
  record_use(context, coupon, request);
  context.tally.add(campaign::Stage::redeemed, coupon.campaign, coupon.zone,
                    counted_as(context.settings, coupon.subject));
  if (!coupon.subject.empty()) note_bought(context, {counted_as(context.settings, coupon.subject)}, coupon.campaign);
  return changed(context, coupon.id, request, "coupon.redeemed");
}

TillAnswer reserve(Context& context, const TillRequest& request, Shown shown) {
  const auto coupon = take_in(context, std::move(shown));
  const auto ttl = request.ttl.count() > 0 ? request.ttl : campaign::kUsualReservation;
  const auto id = campaign::is_held(coupon, context.now) ? coupon.reservation  // longer, for the same
                                                         : random_hex(context.settings.random, 16);
  if (!hold(context, coupon, id, context.now + ttl)) return refuse(Reason::reserved_elsewhere, coupon);
  return changed(context, coupon.id, request, "coupon.reserved");
}

TillAnswer decide(Context& context, const TillRequest& request) {
  if (request.action == TillAction::sale) return sell(context, request);
  if (request.action == TillAction::void_)
    return request.code.empty() && request.typed.empty() ? void_sale(context, request) : void_use(context, request);
  auto shown = shown_coupon(context.db, context.settings, context.now, request);
  if (!shown) return unknown();
  const auto& store = store_of(request, context.settings);
  if (auto reason = campaign::refused_at_till(shown->coupon, request, store, context.now, context.zone))
    return refuse(*reason, std::move(shown->coupon));
  return request.action == TillAction::reserve ? reserve(context, request, std::move(*shown))
                                               : redeem(context, request, std::move(*shown));
}

}  // namespace

const std::string& store_of(const TillRequest& request, const Settings& settings) {
  return request.store.empty() ? settings.store : request.store;
}

void add_till(Json& data, const TillRequest& request) {
  if (!request.terminal.empty()) data["terminal"] = request.terminal;
  if (!request.operator_.empty()) data["operator"] = request.operator_;
  if (!request.check_no.empty()) data["check_no"] = request.check_no;
}

std::optional<Shown> shown_coupon(Db& db, const Settings& settings, WallTime now, const TillRequest& request) {
  if (request.sealed) {
    if (auto coupon = coupon_by_id(db, request.sealed->id)) return Shown{std::move(*coupon), false};
    // Our own, and not in our books: they were lost, or it was never given.
    if (request.sealed->issuer == settings.store) return std::nullopt;
    return Shown{campaign::coupon_of(*request.sealed, settings.store, now), true};
  }
  for (const auto* code : {&request.code, &request.typed})
    if (!code->empty())
      if (auto coupon = coupon_by_code(db, *code)) return Shown{std::move(*coupon), false};
  return std::nullopt;
}

std::optional<TillAnswer> answered_before(Db& db, const TillRequest& request) {
  if (request.idempotency_key.empty()) return std::nullopt;
  auto query = db.query("SELECT request = ?, answer FROM till_answer WHERE key = ?");
  query.bind(fingerprint(request), request.idempotency_key);
  if (!query.next()) return std::nullopt;
  if (query.integer(0) != 0) return till_from_record(query.text(1));
  TillAnswer answer;
  answer.refused = Reason::nonce_used;
  answer.key_in_use = true;
  return answer;
}

TillAnswer till(Context& context, const TillRequest& request) {
  if (request.idempotency_key.empty()) return decide(context, request);
  if (auto before = answered_before(context.db, request)) return *std::move(before);
  auto answer = decide(context, request);
  context.db.query("INSERT INTO till_answer (key, request, at_ms, answer) VALUES (?,?,?,?)")
      .bind(request.idempotency_key, fingerprint(request), unix_ms(context.now), to_record(answer))
      .run();
  return answer;
}

TillAnswer check(Db& db, const Settings& settings, const campaign::ZoneTime& zone, WallTime now,
                 const TillRequest& request) {
  auto shown = shown_coupon(db, settings, now, request);
  if (!shown) return unknown();
  TillAnswer answer;
  answer.refused = campaign::refused_at_till(shown->coupon, request, store_of(request, settings), now, zone);
  answer.coupon = std::move(shown->coupon);
  return answer;
}

TillAnswer end_coupon(Context& context, const std::string& code, const std::string& why) {
  auto coupon = coupon_by_code(context.db, code);
  if (!coupon) return unknown();
  if (auto reason = campaign::refused_by_state(*coupon, coupon->reservation, context.now))
    return refuse(*reason, std::move(*coupon));
  context.db
      .query("UPDATE coupon SET state = 'voided', uses_left = 0, reservation = '', reserved_until_ms = 0 WHERE id = ?")
      .bind(coupon->id)
      .run();
  TillAnswer answer;
  answer.coupon = coupon_by_id(context.db, coupon->id);
  auto data = coupon_data(*answer.coupon, context.settings.store);
  data["reason"] = why;
  context.emit(Stream::ledger, "coupon.voided", coupon->subject, data);
  return answer;
}

}  // namespace foyer::ledger
