#include "app/orders.hpp"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "campaign/reader.hpp"

namespace foyer::app {

using nlohmann::json;
using sync::Command;

namespace {
constexpr std::chrono::milliseconds kLedger{10'000};
}

bool Orders::take(const ports::InboundMessage& message) {
  const auto parsed = sync::parse_downlink(message, identity_);
  if (!parsed) return false;
  if (!*parsed) {
    spdlog::warn("downlink {}: {}", message.topic, parsed->error().message);
    answer(message, fail(*parsed));
    return true;
  }
  const bool posted = clerk_.post([this, message, order = **parsed] {
    if (const auto* campaign = std::get_if<sync::CampaignDown>(&order))
      apply(*campaign);
    else
      answer(message, carry_out(std::get<Command>(order)));
  });
  if (!posted) answer(message, fail(Code::retry, "overloaded"));
  return true;
}

void Orders::apply(const sync::CampaignDown& down) {
  std::vector<campaign::Campaign> campaigns;
  if (!down.payload.empty()) {
    auto parsed = campaign::parse_campaign_json(down.payload, "mqtt");
    if (!parsed) return refuse_campaign(down.id, parsed.error());
    if (parsed->id != down.id)
      return refuse_campaign(down.id,
                             {{"mqtt", 0, 0, "/id", fmt::format("'{}' is not the topic's '{}'", parsed->id, down.id)}});
    campaigns.push_back(std::move(*parsed));
  }
  // The ledger answers upstream by its own events, in the same transaction.
  const auto applied = ledger_.apply_campaigns("mqtt:" + down.id, std::move(campaigns), kLedger);
  if (!applied) refuse_campaign(down.id, {{"mqtt", 0, 0, "", applied.error().message}});
}

void Orders::refuse_campaign(const std::string& id, const Faults& faults) {
  auto reasons = json::array();
  for (const auto& fault : faults) reasons.push_back(to_string(fault));
  spdlog::warn("campaign {} from upstream refused: {} faults", id, faults.size());
  const Event refused{
      Stream::health, "campaign.refused", "",
      json{{"campaign", id}, {"reasons", reasons}}.dump(-1, ' ', false, json::error_handler_t::replace)};
  if (!ledger_.record({refused})) spdlog::error("the refusal of campaign {} could not be recorded", id);
}

Result<std::string> Orders::carry_out(const Command& command) {
  if (command.expires && clock_.wall() > *command.expires) return fail(Code::refuse, "the command has expired");
  switch (command.kind) {
    case Command::Kind::status: return admin_.status_json();
    case Command::Kind::admit: return admin_.admit(command.id);
    case Command::Kind::remove: return admin_.remove(command.id);
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

void Orders::answer(const ports::InboundMessage& request, const Result<std::string>& result) {
  if (auto reply = sync::make_reply(request, identity_, result)) publish_(std::move(*reply));
}

}  // namespace foyer::app
