// Sales a till tells of, and whose they are.
#include <algorithm>

#include "ledger/audience.hpp"
#include "ledger/campaigns.hpp"
#include "ledger/coupons.hpp"
#include "ledger/offers.hpp"
#include "ledger/sessions.hpp"
#include "ledger/till.hpp"
#include "ledger/usage.hpp"

namespace foyer::ledger {
namespace {

using campaign::Reason;
using campaign::TillAnswer;
using campaign::TillRequest;

constexpr std::chrono::minutes kMemberSlot{15};

std::string code_of_slot(const Settings& settings, const std::string& subject, std::int64_t slot) {
  const auto digest = hmac_sha256(settings.holdout_key, as_bytes(fmt::format("member:{}:{}", slot, subject)));
  return campaign::make_code(
      [&](std::span<std::uint8_t> out) { std::copy_n(digest.begin(), out.size(), out.begin()); });
}

std::int64_t slot_of(WallTime now) { return unix_ms(now) / std::chrono::milliseconds(kMemberSlot).count(); }

bool is_one_of(const campaign::Holder& holder, const std::string& name) {
  return name == holder.subject || std::ranges::find(holder.known_as, name) != holder.known_as.end();
}

/// What purchase campaigns give the buyer, known by all their names, or limits would be none. Who shows a code at the
/// till is there: presence level 5.
void trigger(Context& context, const TillRequest& request, const Buyer& buyer, TillAnswer& answer) {
  if (buyer.subject.empty()) return;
  const auto* holder = request.holder && is_one_of(*request.holder, buyer.subject) ? &*request.holder : nullptr;
  note_bought(context,
              holder != nullptr ? names_of(context.settings, holder->subject, holder->known_as)
                                : Names{counted_as(context.settings, buyer.subject)},
              buyer.campaign);
  if (holder == nullptr) {
    answer.passed_over.assign(context.campaigns.of(campaign::Trigger::purchase).size(), Reason::presence_too_low);
    return;
  }
  const campaign::TriggerCommand happening{campaign::Trigger::purchase,
                                           instance_of(answer.sale),
                                           {holder->subject, 5, holder->zone, false},
                                           holder->known_as,
                                           request.terms};
  auto brought = happen(context, happening);
  for (auto& offer : brought.offers) answer.triggered.push_back(std::move(offer.answer));
  answer.passed_over = std::move(brought.refused);
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

std::optional<Buyer> buyer_of(Db& db, const Settings& settings, WallTime now, const TillRequest& request) {
  if (request.code.empty() && request.typed.empty()) return Buyer{};
  if (auto shown = shown_coupon(db, settings, now, request))
    return Buyer{shown->coupon.subject, shown->coupon.id, shown->coupon.campaign};
  if (auto subject = member_of(db, settings, request.code, now)) return Buyer{*subject, "", ""};
  return std::nullopt;
}

std::string instance_of(const std::string& sale) { return "sale|" + sale; }

std::string packet_mark(const campaign::DrawAnswer& won) {
  return fmt::format("packet:{}:{}:{}:{}", won.campaign, won.prize->id, won.prize->amount->minor,
                     won.prize->amount->currency);
}

TillAnswer sell(Context& context, const TillRequest& request) {
  TillAnswer answer;
  const auto buyer = buyer_of(context.db, context.settings, context.now, request);
  if (!buyer) {
    answer.refused = Reason::not_found;
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
  trigger(context, request, *buyer, answer);
  std::string issued;
  for (const auto& won : answer.triggered) {
    const auto given = won.coupon ? won.coupon->id : won.prize && won.prize->amount ? packet_mark(won) : "";
    if (!given.empty()) issued += (issued.empty() ? "" : " ") + given;
  }
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
