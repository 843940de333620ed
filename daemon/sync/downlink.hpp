#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "ports/publisher.hpp"
#include "sync/uplink.hpp"

/// What comes down the line, as values. Parsing, topic matching and reply building only; the app carries it out.
namespace foyer::sync {

inline constexpr std::size_t kMaxDownlinkBytes = 64 * 1024;  ///< a longer payload is refused unread
inline constexpr std::size_t kMaxDownlinkText = 256;         ///< id, reason and response topic

/// …/down/campaign/{id}: what is retained there is what should run.
struct CampaignDown {
  std::string id;         ///< of the topic; the campaign's own id must be the same, which its reader checks
  std::string payload;    ///< the campaign as JSON text, not looked at here; empty: take the campaign away
  bool retained = false;  ///< it lay there before; false: somebody publishes it now and waits for the answer
};

/// …/down/command
struct Command {
  enum class Kind { status, pause, resume, void_, erase, admit, remove };
  Kind kind = Kind::status;
  std::string id;      ///< campaign (pause, resume), coupon code (void), subject (erase), IP or MAC (admit, remove)
  std::string reason;  ///< void: why; may be empty
  std::optional<WallTime> expires;  ///< not to be carried out later than this
  std::string response_topic;       ///< empty: no reply is wanted
  std::string correlation;          ///< goes back unchanged
  /// The same here means the same command sent again: the sender's own name for it, else correlation and payload;
  /// empty: neither was given, or there is no harm in doing it again (status).
  std::string key;
};
std::string_view to_string(Command::Kind kind);

using Downlink = std::variant<CampaignDown, Command>;

/// The filters a Publisher must subscribe to: watermarks, campaigns, commands.
std::vector<std::string> subscriptions(const Identity& identity);

/// nullopt: not a downlink topic of this gateway. A failure is always Code::refuse and says what is allowed.
std::optional<Result<Downlink>> parse_downlink(const ports::InboundMessage& message, const Identity& identity);

/// The id in a campaign's topic, whatever it looks like; nullopt: another topic.
std::optional<std::string_view> campaign_of(std::string_view topic, const Identity& identity);

/// True when a reply may be published there: a plain topic name, and none of foyer's own but …/reply/…, so that no
/// command can make the gateway forge events or states.
bool may_reply_to(std::string_view topic, const Identity& identity);

/// `{"ok":true,"result":…}`, where `result` is a JSON text, or `{"ok":false,"error":{"code":…,"message":…}}`.
std::string reply_payload(const Result<std::string>& result);

/// The reply to a message of …/down/command. nullopt when none was asked for or it may not go where it was asked to.
std::optional<ports::OutboundMessage> make_reply(const ports::InboundMessage& request, const Identity& identity,
                                                 std::string payload);
inline std::optional<ports::OutboundMessage> make_reply(const ports::InboundMessage& request, const Identity& identity,
                                                        const Result<std::string>& result) {
  return make_reply(request, identity, reply_payload(result));
}

}  // namespace foyer::sync
