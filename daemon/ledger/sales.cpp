// Sales a till tells of, and whose they are.
#include "ledger/audience.hpp"
#include "ledger/coupons.hpp"
#include "ledger/offers.hpp"
#include "ledger/sessions.hpp"
#include "ledger/till.hpp"

namespace foyer::ledger {
namespace {

using campaign::TillAnswer;
using campaign::TillRequest;

constexpr std::chrono::minutes kMemberSlot{15};

struct Buyer {
  std::string subject, coupon;
};

/// Who showed this; nullopt: it is nobody's.
std::optional<Buyer> buyer_of(Context& context, const TillRequest& request) {
  if (request.code.empty() && request.typed.empty()) return Buyer{};
  if (auto shown = shown_coupon(context.db, context.settings, context.now, request))
    return Buyer{shown->coupon.subject, shown->coupon.id};
  if (auto subject = member_of(context.db, context.settings, request.code, context.now)) return Buyer{*subject, ""};
  return std::nullopt;
}

std::string code_of_slot(const Settings& settings, const std::string& subject, std::int64_t slot) {
  const auto digest = hmac_sha256(settings.holdout_key, as_bytes(fmt::format("member:{}:{}", slot, subject)));
  return campaign::make_code(
      [&](std::span<std::uint8_t> out) { std::copy_n(digest.begin(), out.size(), out.begin()); });
}

std::int64_t slot_of(WallTime now) { return unix_ms(now) / std::chrono::milliseconds(kMemberSlot).count(); }

/// What purchase campaigns give the buyer. Who shows a code at the till is there: presence level 5.
std::vector<campaign::DrawAnswer> triggered_by(Context& context, const std::string& sale, const std::string& subject) {
  std::vector<campaign::DrawAnswer> won;
  if (subject.empty()) return won;
  note_bought(context, subject);
  campaign::TriggerCommand happening;
  happening.trigger = campaign::Trigger::purchase;
  happening.instance = "sale|" + sale;
  happening.shopper.subject = subject;
  happening.shopper.presence = 5;
  for (auto& offer : happen(context, happening).offers) won.push_back(std::move(offer.answer));
  return won;
}

}  // namespace

std::string member_code(const Settings& settings, const std::string& subject, WallTime now) {
  return code_of_slot(settings, subject, slot_of(now));
}

std::optional<std::string> member_of(Db& db, const Settings& settings, const std::string& code, WallTime now) {
  if (code.empty()) return std::nullopt;
  for (const auto& session : open_sessions(db, now))
    for (const auto slot : {slot_of(now), slot_of(now) - 1})
      if (code_of_slot(settings, session.subject, slot) == code) return session.subject;
  return std::nullopt;
}

TillAnswer sell(Context& context, const TillRequest& request) {
  TillAnswer answer;
  const auto buyer = buyer_of(context, request);
  if (!buyer) {
    answer.refused = campaign::Reason::not_found;
    return answer;
  }
  answer.sale = dated_id(context);
  const auto& store = store_of(request, context.settings);
  const auto amount = request.amount.value_or(Money{});
  Json data{{"sale", answer.sale},
            {"state", "sold"},
            {"amount", format_amount(amount)},
            {"currency", amount.currency},
            {"store", store}};
  add_till(data, request);
  if (!buyer->coupon.empty()) data["coupon"] = buyer->coupon;
  context.emit(Stream::ledger, "sale.recorded", buyer->subject, data);
  answer.triggered = triggered_by(context, answer.sale, buyer->subject);
  std::string issued;
  for (const auto& won : answer.triggered)
    if (won.coupon) issued += (issued.empty() ? "" : " ") + won.coupon->id;
  context.db
      .query(
          "INSERT INTO sale (id, at_ms, store, terminal, operator, check_no, minor, currency, subject, coupon, issued, "
          "ended, ended_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,'',0)")
      .bind(answer.sale, unix_ms(context.now), store, request.terminal, request.operator_, request.check_no,
            amount.minor, amount.currency, buyer->subject, buyer->coupon, issued)
      .run();
  return answer;
}

}  // namespace foyer::ledger
