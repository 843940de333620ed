// Every payload that comes down the line: watermarks, commands, campaigns. The first byte chooses the topic, the second
// whether it was retained and whether an answer is wanted.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "base/document.hpp"
#include "campaign/reader.hpp"
#include "sync/downlink.hpp"
#include "sync/watermark.hpp"

using namespace foyer;

namespace {

const sync::Identity kIdentity{"acme", "store-001", "gw-01", "00112233445566aa"};

void must(bool holds) {
  if (!holds) std::abort();
}

/// Whatever was asked, the answer is JSON and goes nowhere it may not go.
void answer(const ports::InboundMessage& message, const Result<std::string>& result) {
  const auto reply = sync::make_reply(message, kIdentity, result);
  if (!reply) return;
  must(nlohmann::json::accept(reply->payload));
  must(sync::may_reply_to(reply->topic, kIdentity));
  must(!reply->topic.starts_with(kIdentity.base() + "/up/"));
}

void down(const ports::InboundMessage& message) {
  const auto parsed = sync::parse_downlink(message, kIdentity);
  if (!parsed) return;
  if (!*parsed) return answer(message, fail(*parsed));
  if (const auto* command = std::get_if<sync::Command>(&**parsed)) {
    must(!message.retained);
    must(command->key.empty() || command->key.size() == 64);
    return answer(message, std::string(message.payload));
  }
  const auto& campaign = std::get<sync::CampaignDown>(**parsed);
  if (campaign.payload.empty()) return;
  const auto read = campaign::parse_campaign_json(campaign.payload, "mqtt");
  if (!read)
    for (const auto& fault : read.error()) must(!to_string(fault).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 2), size - 2);
  const auto base = kIdentity.base();
  ports::InboundMessage message;
  message.retained = (data[1] & 1) != 0;
  if ((data[1] & 2) != 0) message.correlation = text.substr(0, 16);
  message.response_topic = (data[1] & 4) != 0 ? base + "/reply/x" : text.substr(0, text.find('\n'));
  message.payload = text;
  switch (data[0] % 4) {
    case 0:
      if (const auto mark = sync::parse_watermark(text)) must(mark->epoch.size() == 16);
      break;
    case 1: message.topic = base + "/down/command"; break;
    case 2: message.topic = base + "/down/campaign/" + text.substr(0, text.find('\n')); break;
    default: message.topic = base + "/down/campaign/lunch"; break;
  }
  if (!message.topic.empty()) down(message);
  return 0;
}
