#include "ledger/draws.hpp"

#include <algorithm>

#include "ledger/campaigns.hpp"
#include "ledger/coupons.hpp"
#include "ledger/usage.hpp"

namespace foyer::ledger {
namespace {

using campaign::Campaign;
using campaign::DrawAnswer;
using campaign::DrawCommand;
using campaign::Prize;
using campaign::PrizeKind;
using campaign::Reason;

std::string nothing_of(const Campaign& campaign) {
  for (const auto& prize : campaign.prizes)
    if (prize.kind == PrizeKind::nothing) return prize.id;
  return "";
}

Json draw_data(const DrawCommand& command, const DrawAnswer& answer, const std::string& prize) {
  Json data{{"campaign", answer.campaign},
            {"prize", prize},
            {"mode", command.mode},
            {"nonce_hash", command.nonce_hash},
            {"presence", command.shopper.presence},
            {"zone", command.shopper.zone}};
  if (answer.reason) data["reason"] = campaign::to_string(*answer.reason);
  return data;
}

/// 32 hex: the second of issue, then 96 random bits; so new rows share the last page of the table.
std::string new_coupon_id(const Context& context) {
  const auto second = static_cast<std::uint32_t>(unix_ms(context.now) / 1000);
  return fmt::format("{:08x}{}", second, random_hex(context.settings.random, 12));
}

CouponRow issue_coupon(Context& context, const Campaign& campaign, const Prize& prize, const std::string& subject) {
  CouponRow row;
  auto& coupon = row.coupon;
  coupon.id = new_coupon_id(context);
  do {
    coupon.code = campaign::make_code(context.settings.random);
  } while (coupon_by_code(context.db, coupon.code));
  coupon.campaign = campaign.id;
  coupon.prize = prize.id;
  coupon.subject = subject;
  coupon.title = prize.title;
  coupon.benefit = prize.benefit;
  coupon.uses_left = row.uses = std::max(prize.uses, 1u);
  coupon.redeem_at = prize.redeem_at.empty() ? std::vector{context.settings.store} : prize.redeem_at;
  coupon.issued_at = context.now;
  coupon.expires_at = campaign::expiry(prize.valid, context.now, context.zone);
  row.interval = prize.interval;
  insert_coupon(context.db, row);
  return row;
}

/// Takes the next packet; nullopt when none is left.
std::optional<std::int64_t> pop_packet(Context& context, const std::string& campaign, const std::string& prize) {
  auto query = context.db.query(
      "DELETE FROM packet WHERE campaign = ?1 AND prize = ?2 AND "
      "n = (SELECT min(n) FROM packet WHERE campaign = ?1 AND prize = ?2) RETURNING minor");
  query.bind(campaign, prize);
  if (!query.next()) return std::nullopt;
  const auto minor = query.integer(0);
  query.run();
  return minor;
}

/// Makes the prize the shopper's. False: it was a packet and none is left.
bool take_prize(Context& context, const DrawCommand& command, const Campaign& campaign, const Prize& prize,
                DrawAnswer& answer) {
  answer.prize = campaign::WonPrize{prize.id, prize.kind, prize.title, std::nullopt, std::nullopt};
  if (prize.kind == PrizeKind::red_packet) {
    const auto minor = pop_packet(context, campaign.id, prize.id);
    if (!minor) return false;
    answer.prize->amount = Money{*minor, prize.total.currency};
    return true;
  }
  answer.prize->benefit = prize.benefit;
  answer.coupon = issue_coupon(context, campaign, prize, command.shopper.subject).coupon;
  return true;
}

void tell_win(Context& context, const DrawCommand& command, const Campaign& campaign, const Prize& prize,
              const DrawAnswer& answer) {
  const auto& subject = command.shopper.subject;
  context.emit(Stream::ledger, "shake.won", subject, draw_data(command, answer, prize.id));
  if (answer.coupon)
    context.emit(Stream::ledger, "coupon.issued", subject, coupon_data(*answer.coupon, context.settings.store));
  if (answer.prize->amount)
    context.emit(Stream::ledger, "packet.claimed", subject,
                 {{"campaign", campaign.id},
                  {"amount", format_amount(*answer.prize->amount)},
                  {"currency", answer.prize->amount->currency}});
  count_prize(context, campaign.id, prize, answer.prize->amount ? answer.prize->amount->minor : 0);
}

DrawAnswer decide(Context& context, const DrawCommand& command, const Campaign& campaign, const campaign::Usage& usage,
                  const Bytes& who) {
  DrawAnswer answer{DrawAnswer::Result::lost, campaign.id, std::nullopt, std::nullopt, std::nullopt};
  const auto index = campaign::pick(campaign, usage, context.settings.random);
  const bool won = index && take_prize(context, command, campaign, campaign.prizes[*index], answer);
  if (won) {
    answer.result = DrawAnswer::Result::won;
    tell_win(context, command, campaign, campaign.prizes[*index], answer);
  } else {
    answer.prize.reset();
    context.emit(Stream::ledger, "shake.lost", command.shopper.subject,
                 draw_data(command, answer, nothing_of(campaign)));
  }
  count_draw(context, campaign.id, who, won);
  context.campaigns.mark_started(context, answer.campaign);
  return answer;
}

DrawAnswer deny(Context& context, const DrawCommand& command, std::string campaign, Reason reason) {
  DrawAnswer answer{DrawAnswer::Result::denied, std::move(campaign), std::nullopt, std::nullopt, reason};
  context.emit(Stream::ledger, "shake.denied", command.shopper.subject, draw_data(command, answer, ""));
  return answer;
}

/// The first campaign that takes this shopper decides; when none does, the first one's reason is the answer.
DrawAnswer draw_anew(Context& context, const DrawCommand& command) {
  const auto who = counted_as(context.settings, command.shopper.subject);
  std::optional<std::pair<std::string, Reason>> first;
  for (const auto& entry : context.campaigns.entries()) {
    const auto& campaign = entry.campaign;
    if (campaign.trigger != campaign::Trigger::shake) continue;
    auto refused = campaign::refused_by_rules(campaign, command.shopper, context.now, context.clock_trusted,
                                              context.zone, context.settings.holdout_key);
    if (!refused) {
      const auto usage = usage_of(context, campaign, who);
      refused = campaign::refused_by_usage(campaign, usage, context.now);
      if (!refused) return decide(context, command, campaign, usage, who);
    }
    if (!first) first.emplace(campaign.id, *refused);
  }
  if (!first) return deny(context, command, "", Reason::not_found);
  return deny(context, command, first->first, first->second);
}

/// The coupon as it was when it was won: the same nonce has the same answer, whatever became of the coupon since.
DrawAnswer replay(Context& context, const std::string& record) {
  auto answer = draw_from_record(record);
  if (!answer.coupon) return answer;
  if (auto row = coupon_by_id(context.db, answer.coupon->id)) {
    answer.coupon = std::move(row->coupon);
    answer.coupon->state = campaign::CouponState::issued;
    answer.coupon->uses_left = row->uses;
  }
  return answer;
}

}  // namespace

DrawAnswer draw(Context& context, const DrawCommand& command) {
  {
    auto query = context.db.query("SELECT subject, answer FROM draw WHERE nonce_hash = ?");
    query.bind(command.nonce_hash);
    if (query.next()) {
      if (query.text(0) == command.shopper.subject) return replay(context, query.text(1));
      return DrawAnswer{DrawAnswer::Result::denied, "", std::nullopt, std::nullopt, Reason::wrong_holder};
    }
  }
  if (command.replay_only)
    return DrawAnswer{DrawAnswer::Result::denied, "", std::nullopt, std::nullopt, Reason::nonce_expired};
  auto answer = draw_anew(context, command);
  context.db.query("INSERT INTO draw (nonce_hash, subject, at_ms, answer) VALUES (?,?,?,?)")
      .bind(command.nonce_hash, command.shopper.subject, unix_ms(context.now), to_record(answer))
      .run();
  return answer;
}

}  // namespace foyer::ledger
