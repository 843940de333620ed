#include "app/orders.hpp"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "campaign/reader.hpp"

namespace foyer::app {

using nlohmann::json;
using sync::Command;

namespace {

constexpr std::chrono::milliseconds kLedger{10'000};
constexpr std::size_t kReasonBytes = 16 * 1024;  // of one event; more reasons become more events …
constexpr std::size_t kMostRefusals = 16;        // … so many, and the last says how many are not told
constexpr std::size_t kMostWaiting = 64;         // campaigns; one more is refused for good until it is sent again

/// The faults in pieces that fit into an event each.
std::vector<json> pieces(const Faults& faults) {
  std::vector<json> all{json::array()};
  std::size_t bytes = 0, told = 0;
  for (const auto& fault : faults) {
    auto text = to_string(fault).substr(0, kReasonBytes);
    if (bytes + text.size() > kReasonBytes) {
      if (all.size() == kMostRefusals) break;
      all.push_back(json::array());
      bytes = 0;
    }
    bytes += text.size();
    all.back().push_back(std::move(text));
    ++told;
  }
  if (told < faults.size()) all.back().push_back(fmt::format("and {} more", faults.size() - told));
  return all;
}

}  // namespace

bool Orders::take(const ports::InboundMessage& message) {
  const auto parsed = sync::parse_downlink(message, identity_);
  if (!parsed) return false;
  if (!*parsed) {
    spdlog::warn("downlink {}: {}", message.topic, parsed->error().message);
    if (const auto id = sync::campaign_of(message.topic, identity_))
      refuse_campaign(std::string(id->substr(0, 64)), {{"mqtt", 0, 0, "", parsed->error().message}});
    else
      answer(message, sync::reply_payload(fail(*parsed)));
    return true;
  }
  const bool posted = clerk_.post([this, message, order = **parsed] {
    if (const auto* campaign = std::get_if<sync::CampaignDown>(&order)) {
      waiting_.erase(campaign->id);
      if (!apply(*campaign) && waiting_.size() < kMostWaiting) waiting_.emplace(campaign->id, *campaign);
    } else {
      answer(message, carry_out_once(std::get<Command>(order)));
    }
  });
  if (!posted) answer(message, sync::reply_payload(fail(Code::retry, "overloaded")));
  return true;
}

void Orders::look() {
  // A full clerk is asked again the next time.
  (void)clerk_.post([this] { std::erase_if(waiting_, [this](const auto& one) { return apply(one.second); }); });
}

/// False: there was no room, and it is to be tried again.
bool Orders::apply(const sync::CampaignDown& down) {
  std::vector<campaign::Campaign> campaigns;
  const bool again = waiting_.contains(down.id);
  const auto refuse = [&](const Faults& faults) {
    if (!again) refuse_campaign(down.id, faults);
    return true;
  };
  if (!down.payload.empty()) {
    auto parsed = campaign::parse_campaign_json(down.payload, "mqtt", campaign::Origin::wire, ceilings_());
    if (!parsed) return refuse(parsed.error());
    if (parsed->id != down.id)
      return refuse({{"mqtt", 0, 0, "/id", fmt::format("'{}' is not the topic's '{}'", parsed->id, down.id)}});
    campaigns.push_back(std::move(*parsed));
  }
  // The ledger answers upstream by its own events, in the same transaction.
  const auto applied = ledger_.apply_campaigns("mqtt:" + down.id, std::move(campaigns), kLedger);
  if (applied) return true;
  refuse({{"mqtt", 0, 0, "", applied.error().message}});
  return applied.error().code != Code::retry;
}

void Orders::refuse_campaign(const std::string& id, const Faults& faults) {
  spdlog::warn("campaign {} from upstream refused: {} faults", id, faults.size());
  std::vector<Event> refused;
  const auto reasons = pieces(faults);
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    json data{{"campaign", id}, {"reasons", reasons[i]}};
    if (reasons.size() > 1) data.update({{"part", i + 1}, {"parts", reasons.size()}});
    refused.push_back(
        {Stream::health, "campaign.refused", "", data.dump(-1, ' ', false, json::error_handler_t::replace)});
  }
  if (!ledger_.record(std::move(refused))) spdlog::error("the refusal of campaign {} could not be recorded", id);
}

/// What was done once is not done again for a sender who did not hear the answer, also after a restart.
std::string Orders::carry_out_once(const Command& command) {
  if (!command.key.empty()) {
    const auto known = ledger_.order_answer(command.key, kLedger);
    if (!known) return sync::reply_payload(fail(known));
    if (*known) return **known;
  }
  const auto result = carry_out(command);
  auto payload = sync::reply_payload(result);
  const bool final = result || result.error().code == Code::refuse;
  if (command.key.empty() || !final) return payload;
  if (const auto kept = ledger_.remember_order(command.key, payload, kLedger); !kept)
    spdlog::error("a command was carried out but not remembered: {}", kept.error().message);
  return payload;
}

Result<std::string> Orders::carry_out(const Command& command) {
  if (command.expires && clock_.wall() > *command.expires) return fail(Code::refuse, "the command has expired");
  switch (command.kind) {
    case Command::Kind::status: return admin_.status_json();
    case Command::Kind::admit: return admin_.admit(command.id);
    case Command::Kind::remove: return admin_.remove(command.id, {});
    case Command::Kind::pause:
    case Command::Kind::resume: {
      const auto done = ledger_.pause_campaign(command.id, command.kind == Command::Kind::pause, kLedger);
      if (!done) return fail(done);
      return std::string{"{}"};
    }
    case Command::Kind::erase: {
      const auto done = admin_.erase_subject(command.id);
      if (!done) return fail(done);
      return std::string{"{}"};
    }
    case Command::Kind::void_: {
      const auto done = admin_.void_coupon(command.id, command.reason);
      if (!done) return fail(done);
      return std::string{"{}"};
    }
  }
  return fail(Code::refuse, "unknown command");
}

void Orders::answer(const ports::InboundMessage& request, std::string payload) {
  if (auto reply = sync::make_reply(request, identity_, std::move(payload))) publish_(std::move(*reply));
}

}  // namespace foyer::app
