#include "app/orders.hpp"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "app/patience.hpp"
#include "campaign/reader.hpp"

namespace foyer::app {

using nlohmann::json;
using sync::Command;

namespace {

constexpr std::size_t kReasonBytes = 16 * 1024;  // of one event; more reasons become more events …
constexpr std::size_t kMostRefusals = 16;        // … so many, and the last says how many are not told
constexpr std::size_t kMostWaiting = 64;         // campaigns; one more is refused until it is published again

constexpr const char* kTooMany = "overloaded: 64 campaigns wait already; this one is to be published again";

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
  if (const auto* campaign = std::get_if<sync::CampaignDown>(&**parsed)) {
    take(*campaign);
    return true;
  }
  const bool posted =
      clerk_.post([this, message, command = std::get<Command>(**parsed)] { answer(message, carry_out_once(command)); });
  if (!posted) answer(message, sync::reply_payload(fail(Code::retry, "overloaded")));
  return true;
}

void Orders::take(const sync::CampaignDown& down) {
  hand_over();
  if (given_.size() >= kMostWaiting && !given_.contains(down.id))
    return refuse_campaign(down.id, {{"mqtt", 0, 0, "", kTooMany}});
  given_.insert_or_assign(down.id, down);
  hand_over();
}

/// To the clerk, as far as it has room.
void Orders::hand_over() {
  std::erase_if(given_, [this](const auto& one) {
    return clerk_.post([this, down = one.second] {
      waiting_.erase(down.id);
      if (apply(down)) return;
      if (waiting_.size() < kMostWaiting)
        waiting_.emplace(down.id, down);
      else
        refuse_campaign(down.id, {{"mqtt", 0, 0, "", kTooMany}});
    });
  });
}

void Orders::look() {
  hand_over();
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
  const auto applied = ledger_.apply_campaigns("mqtt:" + down.id, std::move(campaigns), kUnhurriedLedger);
  if (applied && applied->unchanged && !down.retained) say_again(down);
  if (applied) return true;
  refuse({{"mqtt", 0, 0, "", applied.error().message}});
  return applied.error().code != Code::retry;
}

/// Nothing changed, so the ledger said nothing; who publishes it waits for an answer all the same.
void Orders::say_again(const sync::CampaignDown& down) {
  json data{{"campaign", down.id}, {"unchanged", true}};
  if (down.payload.empty()) data["removed"] = true;
  if (!ledger_.record({{Stream::health, "campaign.applied", "", data.dump()}}))
    spdlog::error("that campaign {} is in force could not be recorded", down.id);
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
    const auto known = ledger_.order_answer(command.key, kUnhurriedLedger);
    if (!known) return sync::reply_payload(fail(known));
    if (*known) return **known;
  }
  const auto result = carry_out(command);
  auto payload = sync::reply_payload(result);
  const bool final = result || result.error().code == Code::refuse;
  if (command.key.empty() || !final) return payload;
  if (const auto kept = ledger_.remember_order(command.key, payload, kUnhurriedLedger); !kept)
    spdlog::error("a command was carried out but not remembered: {}", kept.error().message);
  return payload;
}

/// By a clock that may be wrong nothing is carried out that may be over.
Result<void> Orders::in_time_for(const Command& command) {
  if (!command.expires) return {};
  const auto trusted = ledger_.clock_trusted(kUnhurriedLedger);
  if (!trusted) return fail(trusted);
  if (!*trusted) return fail(Code::retry, "clock_untrusted: whether the command has expired cannot be told");
  if (clock_.wall() > *command.expires) return fail(Code::refuse, "the command has expired");
  return {};
}

Result<std::string> Orders::carry_out(const Command& command) {
  if (auto in_time = in_time_for(command); !in_time) return fail(in_time);
  switch (command.kind) {
    case Command::Kind::status: return admin_.status_json();
    case Command::Kind::admit: return admin_.admit(command.id);
    case Command::Kind::remove: return admin_.remove(command.id, {});
    case Command::Kind::pause:
    case Command::Kind::resume: {
      const auto done = ledger_.pause_campaign(command.id, command.kind == Command::Kind::pause, kUnhurriedLedger);
      if (!done) return fail(done);
      return std::string{"{}"};
    }
    case Command::Kind::erase: {
      const auto done = admin_.erase_subject(command.id);
      if (!done) return fail(done);
      return std::string{"{}"};
    }
    case Command::Kind::void_: {
      const auto done =
          admin_.void_coupon(command.id, command.reason, {command.key, sync::reply_payload(std::string{"{}"})});
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
