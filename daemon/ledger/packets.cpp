#include "ledger/packets.hpp"

#include "campaign/red_packet.hpp"

namespace foyer::ledger {
namespace {

using campaign::Campaign;
using campaign::Prize;
using campaign::PrizeKind;

void split(Context& context, const std::string& campaign, const Prize& prize, std::int64_t minor, std::uint32_t count) {
  const auto packets = campaign::split_red_packets(minor, count, prize.at_least_minor, context.settings.random);
  for (std::size_t n = 0; n < packets.size(); ++n)
    context.db.query("INSERT INTO packet (campaign, prize, n, minor) VALUES (?,?,?,?)")
        .bind(campaign, prize.id, n, packets[n])
        .run();
}

struct Rest {
  std::int64_t count = 0, minor = 0;
};

Rest rest_of(Context& context, const std::string& campaign, const std::string& prize) {
  auto query = context.db.query("SELECT count(*), ifnull(sum(minor), 0) FROM packet WHERE campaign = ? AND prize = ?");
  query.bind(campaign, prize);
  return query.next() ? Rest{query.integer(0), query.integer(1)} : Rest{};
}

void put_back(Context& context, const std::string& campaign, const std::string& prize, const Rest& rest) {
  context.db.query("DELETE FROM packet WHERE campaign = ? AND prize = ?").bind(campaign, prize).run();
  context.db
      .query(
          "INSERT INTO packet_return (campaign, prize, count, minor) VALUES (?,?,?,?) "
          "ON CONFLICT (campaign, prize) DO UPDATE SET count = count + excluded.count, minor = minor + excluded.minor")
      .bind(campaign, prize, rest.count, rest.minor)
      .run();
}

}  // namespace

void split_packets(Context& context, const Campaign& campaign) {
  context.db.query("DELETE FROM packet WHERE campaign = ?").bind(campaign.id).run();
  context.db.query("DELETE FROM packet_return WHERE campaign = ?").bind(campaign.id).run();
  for (const auto& prize : campaign.prizes)
    if (prize.kind == PrizeKind::red_packet) split(context, campaign.id, prize, prize.total.minor, prize.count);
}

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

void return_packets(Context& context, const Campaign& campaign) {
  auto returned = Json::array();
  for (const auto& prize : campaign.prizes) {
    if (prize.kind != PrizeKind::red_packet) continue;
    const auto rest = rest_of(context, campaign.id, prize.id);
    if (rest.count == 0) continue;
    put_back(context, campaign.id, prize.id, rest);
    returned.push_back({{"prize", prize.id},
                        {"count", rest.count},
                        {"amount", format_amount({rest.minor, prize.total.currency})},
                        {"currency", prize.total.currency}});
  }
  if (!returned.empty())
    // Money: in the stream of which nothing is ever dropped.
    context.emit(Stream::ledger, "campaign.applied", "", {{"campaign", campaign.id}, {"returned", returned}});
}

void take_back_packets(Context& context, const Campaign& campaign) {
  for (const auto& prize : campaign.prizes) {
    if (prize.kind != PrizeKind::red_packet) continue;
    std::optional<Rest> rest;
    {
      auto query = context.db.query("SELECT count, minor FROM packet_return WHERE campaign = ? AND prize = ?");
      query.bind(campaign.id, prize.id);
      if (query.next()) rest = Rest{query.integer(0), query.integer(1)};
    }
    if (!rest) continue;
    context.db.query("DELETE FROM packet_return WHERE campaign = ? AND prize = ?").bind(campaign.id, prize.id).run();
    split(context, campaign.id, prize, rest->minor, static_cast<std::uint32_t>(rest->count));
  }
}

}  // namespace foyer::ledger
