#include "ledger/codes.hpp"

#include <algorithm>

#include "ledger/campaigns.hpp"
#include "ledger/coupons.hpp"

namespace foyer::ledger {
namespace {

const campaign::Prize* prize_of(const Context& context, const std::string& campaign, const std::string& prize) {
  for (const auto& entry : context.campaigns.entries()) {
    if (entry.campaign.id != campaign) continue;
    const auto& prizes = entry.campaign.prizes;
    const auto found = std::ranges::find(prizes, prize, &campaign::Prize::id);
    return found == prizes.end() ? nullptr : &*found;
  }
  return nullptr;
}

struct Waiting {
  std::int64_t next = 1;
  std::uint64_t count = 0;
};

Waiting waiting(Context& context, const std::string& campaign, const std::string& prize) {
  auto query =
      context.db.query("SELECT ifnull(max(n), 0) + 1, count(*) FROM code_pool WHERE campaign = ? AND prize = ?");
  query.bind(campaign, prize);
  query.next();
  return {query.integer(0), static_cast<std::uint64_t>(query.integer(1))};
}

/// Whether a code that waits for this campaign may still be given: not when it was taken away or is over. Such codes
/// may go to another prize; they stay where they are meanwhile, for a later end.
bool may_give(const Context& context, const std::string& campaign) {
  const auto found = std::ranges::find_if(context.campaigns.entries(),
                                          [&](const auto& entry) { return entry.campaign.id == campaign; });
  return found != context.campaigns.entries().end() && !campaign::is_over(found->campaign.schedule, context.moment);
}

/// Empty: it may be stored. `known` is set where it waits for this prize already.
std::string fault_of(Context& context, const std::string& campaign, const std::string& prize, const std::string& code,
                     bool& known) {
  if (code.size() > campaign::kLongestOwnCode)
    return fmt::format("is {} characters long; {} are allowed", code.size(), campaign::kLongestOwnCode);
  if (!campaign::is_own_code(code)) return "is not 4 or more printable ASCII characters without a blank";
  if (coupon_by_code(context.db, code)) return "is the code of a coupon already";
  auto query = context.db.query("SELECT campaign, prize FROM code_pool WHERE code = ?");
  query.bind(code);
  if (!query.next()) return "";
  known = query.text(0) == campaign && query.text(1) == prize;
  return known || !may_give(context, query.text(0))
             ? ""
             : fmt::format("waits for {}/{} already", query.text(0), query.text(1));
}

}  // namespace

Ledger::Imported import_codes(Context& context, const std::string& campaign, const std::string& prize,
                              const std::vector<std::string>& codes, bool dry) {
  Ledger::Imported out;
  const auto* wanted = prize_of(context, campaign, prize);
  if (wanted == nullptr)
    out.refused = fmt::format("there is no prize '{}' in a campaign '{}'", prize, campaign);
  else if (wanted->kind != campaign::PrizeKind::coupon || !wanted->imported_codes)
    out.refused = fmt::format("{}/{} makes its own codes; give the prize `codes: imported`", campaign, prize);
  if (!out.refused.empty()) return out;
  auto [next, count] = waiting(context, campaign, prize);
  std::vector<const std::string*> fresh;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    bool known = false;
    if (auto fault = fault_of(context, campaign, prize, codes[i], known); !fault.empty())
      out.faults.emplace_back(i, std::move(fault));
    else if (known)
      ++out.known;
    else
      fresh.push_back(&codes[i]);
  }
  if (count + fresh.size() > kMostCodes)
    out.refused = fmt::format("more than {} codes would wait for {}/{}", kMostCodes, campaign, prize);
  out.waiting = count;
  if (dry || !out.refused.empty() || !out.faults.empty()) return out;
  for (const auto* code : fresh) {
    context.db.query("DELETE FROM code_pool WHERE code = ? AND (campaign != ? OR prize != ?)")
        .bind(*code, campaign, prize)
        .run();
    context.db.query("INSERT OR IGNORE INTO code_pool (campaign, prize, n, code) VALUES (?,?,?,?)")
        .bind(campaign, prize, next++, *code)
        .run();
    if (context.db.changes() == 1) ++out.added;
  }
  out.waiting += out.added;
  if (out.added != 0)  // stock.low and stock.exhausted are told anew
    context.db.query("UPDATE prize_use SET told = 0 WHERE campaign = ? AND prize = ?").bind(campaign, prize).run();
  return out;
}

std::uint64_t codes_left(Db& db, const std::string& campaign, const std::string& prize, std::uint64_t most) {
  auto query = db.query("SELECT count(*) FROM (SELECT 1 FROM code_pool WHERE campaign = ? AND prize = ? LIMIT ?)");
  query.bind(campaign, prize, most);
  return query.next() ? static_cast<std::uint64_t>(query.integer(0)) : 0;
}

std::optional<std::string> take_code(Context& context, const std::string& campaign, const std::string& prize) {
  auto query = context.db.query(
      "DELETE FROM code_pool WHERE campaign = ?1 AND prize = ?2 AND "
      "n = (SELECT min(n) FROM code_pool WHERE campaign = ?1 AND prize = ?2) RETURNING code");
  query.bind(campaign, prize);
  if (!query.next()) return std::nullopt;
  auto code = query.text(0);
  query.run();
  return code;
}

}  // namespace foyer::ledger
