#include "ledger/deal.hpp"

#include <algorithm>

#include "ledger/audience.hpp"
#include "ledger/campaigns.hpp"
#include "ledger/coupons.hpp"
#include "ledger/packets.hpp"
#include "ledger/privacy.hpp"
#include "ledger/usage.hpp"

namespace foyer::ledger {
namespace {

using campaign::Campaign;
using campaign::DrawAnswer;
using campaign::Prize;
using campaign::PrizeKind;
using campaign::Stage;

std::string nothing_of(const Campaign& campaign) {
  for (const auto& prize : campaign.prizes)
    if (prize.kind == PrizeKind::nothing) return prize.id;
  return "";
}

/// Makes the prize the shopper's. False: it was a packet, or a code of the merchant's list, and none is left.
bool take_prize(Context& context, const Occasion& occasion, const Campaign& campaign, const Prize& prize,
                DrawAnswer& answer) {
  answer.prize = campaign::WonPrize{prize.id, prize.kind, prize.title, std::nullopt, std::nullopt};
  if (prize.kind == PrizeKind::red_packet) {
    const auto minor = pop_packet(context, campaign.id, prize.id);
    if (!minor) return false;
    answer.prize->amount = Money{*minor, prize.total.currency};
    return true;
  }
  answer.prize->benefit = prize.benefit;
  answer.coupon = issue_coupon(context, campaign, prize, occasion.shopper);
  return answer.coupon.has_value();
}

void tell_win(Context& context, const Occasion& occasion, const Campaign& campaign, const Prize& prize,
              const DrawAnswer& answer) {
  const auto& subject = occasion.shopper.subject;
  context.emit(Stream::ledger, "shake.won", subject, draw_data(occasion, answer, prize.id));
  if (answer.coupon)
    context.emit(Stream::ledger, "coupon.issued", subject, coupon_data(*answer.coupon, context.settings.store));
  if (answer.prize->amount)
    context.emit(Stream::ledger, "packet.claimed", subject,
                 {{"campaign", campaign.id},
                  {"prize", prize.id},
                  {"nonce_hash", occasion.nonce_hash},
                  {"amount", format_amount(*answer.prize->amount)},
                  {"currency", answer.prize->amount->currency}});
  record_prize(context, occasion.nonce_hash, subject, campaign, prize.id,
               answer.prize->amount ? answer.prize->amount->minor : 0);
  count_prize(context, campaign.id, prize, answer.prize->amount ? answer.prize->amount->minor : 0);
}

}  // namespace

Names names_of(const Settings& settings, const std::string& subject, const std::vector<std::string>& known_as) {
  Names names{counted_as(settings, subject)};
  for (const auto& name : known_as)
    if (name != subject) names.push_back(counted_as(settings, name));
  return names;
}

Json draw_data(const Occasion& occasion, const DrawAnswer& answer, const std::string& prize) {
  Json data{{"campaign", answer.campaign},
            {"prize", prize},
            {"mode", occasion.mode},
            {"nonce_hash", occasion.nonce_hash},
            {"presence", occasion.shopper.presence},
            {"zone", occasion.shopper.zone}};
  if (answer.reason) data["reason"] = campaign::to_string(*answer.reason);
  return data;
}

DrawAnswer deal(Context& context, const Occasion& occasion, const Campaign& campaign, const campaign::Usage& usage) {
  DrawAnswer answer{DrawAnswer::Result::lost, campaign.id, std::nullopt, std::nullopt, std::nullopt};
  const auto index = campaign::pick(campaign, usage, context.settings.random);
  const bool won = index && take_prize(context, occasion, campaign, campaign.prizes[*index], answer);
  const auto& who = occasion.names.front();
  context.tally.add(Stage::shook, campaign.id, occasion.shopper.zone, who);
  if (won) {
    answer.result = DrawAnswer::Result::won;
    tell_win(context, occasion, campaign, campaign.prizes[*index], answer);
    context.tally.add(Stage::won, campaign.id, occasion.shopper.zone, who);
  } else {
    answer.prize.reset();
    context.emit(Stream::ledger, "shake.lost", occasion.shopper.subject,
                 draw_data(occasion, answer, nothing_of(campaign)));
  }
  count_draw(context, campaign.id, who, won);
  context.campaigns.mark_started(context, answer.campaign);
  return answer;
}

DrawAnswer recall(Db& db, const std::string& record) {
  auto answer = draw_from_record(record);
  if (!answer.coupon) return answer;
  if (auto coupon = coupon_by_id(db, answer.coupon->id)) {
    answer.coupon = std::move(coupon);
    answer.coupon->state = campaign::CouponState::issued;
    answer.coupon->uses_left = answer.coupon->uses;
  }
  return answer;
}

}  // namespace foyer::ledger
