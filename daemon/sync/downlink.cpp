#include "sync/downlink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace foyer::sync {

namespace {

using nlohmann::json;
using Kind = Command::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 7> kKinds{{{"status", Kind::status},
                                                                   {"pause", Kind::pause},
                                                                   {"resume", Kind::resume},
                                                                   {"void", Kind::void_},
                                                                   {"erase", Kind::erase},
                                                                   {"admit", Kind::admit},
                                                                   {"remove", Kind::remove}}};
constexpr std::string_view kKindNames = "status, pause, resume, void, erase, admit or remove";

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

Result<Downlink> parse_campaign(std::string_view id, const ports::InboundMessage& message) {
  if (!is_id(id)) return fail(Code::refuse, "campaign topic: an id is 1 to 64 of A-Z a-z 0-9 . _ -");
  return Downlink{CampaignDown{std::string(id), message.payload, message.retained}};
}

/// A string member, at most kMaxDownlinkText bytes; empty when absent.
Result<std::string> text_member(const json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end()) return std::string{};
  if (!it->is_string()) return fail(Code::refuse, "command: {} must be a string", key);
  auto text = it->get<std::string>();
  if (text.empty() || text.size() > kMaxDownlinkText)
    return fail(Code::refuse, "command: {} must have 1 to {} bytes", key, kMaxDownlinkText);
  return text;
}

Result<Kind> kind_member(const json& object) {
  const auto it = object.find("command");
  if (it == object.end() || !it->is_string())
    return fail(Code::refuse, "command: the key command is required: {}", kKindNames);
  const auto name = it->get<std::string>();
  const auto known = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& kind) { return kind.first == name; });
  if (known == kKinds.end())
    return fail(Code::refuse, "command: '{}' is not known; allowed are {}", name.substr(0, 64), kKindNames);
  return known->second;
}

Result<void> check_keys(const json& object) {
  for (const auto& [key, value] : object.items())
    if (key != "command" && key != "id" && key != "reason" && key != "expires" && key != "request")
      return fail(Code::refuse, "command: the key '{}' is not known; allowed are command, id, reason, expires, request",
                  key.substr(0, 64));
  return {};
}

std::string key_of(Kind kind, const std::string& request, const ports::InboundMessage& message) {
  if (kind == Kind::status || (request.empty() && message.correlation.empty())) return {};
  const auto name = request.empty() ? "c:" + message.correlation + "\n" + message.payload : "r:" + request;
  const auto digest = sha256(as_bytes(name));
  return to_hex(ByteView(digest));
}

Result<Downlink> parse_command(const ports::InboundMessage& message) {
  if (message.retained)
    return fail(Code::refuse,
                "command: a retained command would be carried out on every connection; send it unretained");
  const auto object = json::parse(message.payload, nullptr, false);
  if (!object.is_object()) return fail(Code::refuse, "command: the payload must be one JSON object");
  if (auto keys = check_keys(object); !keys) return fail(keys);
  const auto kind = kind_member(object);
  if (!kind) return fail(kind);
  auto id = text_member(object, "id");
  if (!id) return fail(id);
  auto reason = text_member(object, "reason");
  if (!reason) return fail(reason);
  const auto expires = text_member(object, "expires");
  if (!expires) return fail(expires);

  const auto request = text_member(object, "request");
  if (!request) return fail(request);

  Command command{*kind, std::move(*id), std::move(*reason), {}, message.response_topic, message.correlation, {}};
  command.key = key_of(*kind, *request, message);
  if (command.kind == Kind::status ? !command.id.empty() : command.id.empty())
    return fail(Code::refuse, "command: {} {}", to_string(command.kind),
                command.kind == Kind::status ? "takes no id" : "needs an id");
  if (!command.reason.empty() && command.kind != Kind::void_)
    return fail(Code::refuse, "command: only void takes a reason");
  if (!expires->empty()) {
    const auto time = parse_rfc3339(*expires);
    if (!time) return fail(Code::refuse, "command: expires: {}", time.error().message);
    command.expires = *time;
  }
  return Downlink{std::move(command)};
}

}  // namespace

std::string_view to_string(Command::Kind kind) {
  for (const auto& [name, known] : kKinds)
    if (known == kind) return name;
  return "status";
}

std::vector<std::string> subscriptions(const Identity& identity) {
  const auto base = identity.base();
  return {base + "/ack/+", base + "/down/campaign/+", base + "/down/command"};
}

std::optional<Result<Downlink>> parse_downlink(const ports::InboundMessage& message, const Identity& identity) {
  const auto prefix = identity.base() + "/down/";
  if (!message.topic.starts_with(prefix)) return std::nullopt;
  const auto rest = std::string_view(message.topic).substr(prefix.size());
  constexpr std::string_view kCampaign = "campaign/";
  if (rest != "command" && !rest.starts_with(kCampaign)) return std::nullopt;
  if (message.payload.size() > kMaxDownlinkBytes)
    return fail(Code::refuse, "{}: {} bytes, at most {} are allowed", rest.substr(0, kMaxDownlinkText),
                message.payload.size(), kMaxDownlinkBytes);
  if (rest == "command") return parse_command(message);
  return parse_campaign(rest.substr(kCampaign.size()), message);
}

std::optional<std::string_view> campaign_of(std::string_view topic, const Identity& identity) {
  const auto prefix = identity.base() + "/down/campaign/";
  if (!topic.starts_with(prefix)) return std::nullopt;
  return topic.substr(prefix.size());
}

bool may_reply_to(std::string_view topic, const Identity& identity) {
  if (topic.empty() || topic.size() > kMaxDownlinkText || topic.front() == '$') return false;
  if (topic.find_first_of(std::string_view("+#\0", 3)) != std::string_view::npos) return false;
  return !topic.starts_with("foyer/v1/") || topic.starts_with(identity.base() + "/reply/");
}

std::string reply_payload(const Result<std::string>& result) {
  json reply{{"ok", result.has_value()}};
  if (result) {
    auto value = json::parse(*result, nullptr, false);
    reply["result"] = value.is_discarded() ? json(*result) : std::move(value);
  } else {
    reply["error"] = {{"code", to_string(result.error().code)}, {"message", result.error().message}};
  }
  return reply.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<ports::OutboundMessage> make_reply(const ports::InboundMessage& request, const Identity& identity,
                                                 std::string payload) {
  if (!may_reply_to(request.response_topic, identity)) return std::nullopt;
  ports::OutboundMessage message;
  message.topic = request.response_topic;
  message.payload = std::move(payload);
  message.content_type = "application/json";
  message.correlation = request.correlation;
  return message;
}

}  // namespace foyer::sync
