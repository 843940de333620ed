#include "portal/call.hpp"

/// What a shopper's app and the shop's beacons have to do with each other (docs/presence.md).
namespace foyer::portal {

using campaign::Reason;
using nlohmann::json;
using ports::HttpResponse;

namespace {

constexpr std::uint32_t kLentPerMinute = 6, kReportsPerMinute = 12;
constexpr std::size_t kMostHeard = 32;  ///< beacons in one report

/// An admitted phone that has agreed, where that is required, and does not ask too often.
tl::expected<Visitor, HttpResponse> guest(const Call& call, const char* what, std::uint32_t per_minute) {
  auto visitor = call.visitor();
  if (!visitor) return visitor;
  if (!visitor->session) return tl::make_unexpected(call.refuse(403, Reason::presence_too_low));
  if (call.settings().consent_required && !visitor->consented)
    return tl::make_unexpected(call.refuse(403, Reason::consent_missing));
  const auto within = call.services().within_rate(visitor->device, what, per_minute);
  if (!within) return tl::make_unexpected(call.failed(within.error()));
  if (!*within) return tl::make_unexpected(call.refuse(429, Reason::rate_limited));
  return visitor;
}

HttpResponse lend(const Call& call) {
  const auto visitor = guest(call, "beacon", kLentPerMinute);
  if (!visitor) return visitor.error();
  const auto lent = call.services().lend_beacon(visitor->subject);
  if (!lent && lent.error().code == Code::refuse) return call.refuse(404, "not_found", lent.error().message);
  if (!lent) return call.failed(lent.error());
  return json_response({{"uuid", to_string(lent->id.uuid)},
                        {"major", lent->id.major},
                        {"minor", lent->id.minor},
                        {"expires_at", to_rfc3339(lent->expires_at)}});
}

std::optional<std::uint16_t> short_number(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  const auto number = found->get<std::int64_t>();
  if (number < 0 || number > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(number);
}

/// One of the list; the text says what is wrong with it.
tl::expected<BeaconId, std::string> read_heard(const json& item) {
  if (!item.is_object()) return tl::make_unexpected("must be an object");
  const auto text = item.find("uuid");
  const auto uuid =
      text != item.end() && text->is_string() ? parse_uuid(text->get_ref<const std::string&>()) : std::nullopt;
  const auto major = short_number(item, "major"), minor = short_number(item, "minor");
  if (!uuid) return tl::make_unexpected("uuid: must be a UUID, 8-4-4-4-12 hex digits");
  if (!major) return tl::make_unexpected("major: must be a whole number from 0 to 65535");
  if (!minor) return tl::make_unexpected("minor: must be a whole number from 0 to 65535");
  // How strong it was is the phone's own word and decides nothing; but what is sent must be what is documented.
  const auto rssi = item.find("rssi");
  if (rssi != item.end() && !(rssi->is_number() && rssi->get<double>() >= -127 && rssi->get<double>() <= 20))
    return tl::make_unexpected("rssi: must be a number from -127 to 20");
  return BeaconId{*uuid, *major, *minor};
}

HttpResponse heard(const Call& call) {
  const auto body = read_list(call.request, kMostHeard);
  if (!body) return body.error();
  std::vector<BeaconId> beacons;
  for (std::size_t i = 0; i < body->size(); ++i) {
    const auto one = read_heard((*body)[i]);
    if (!one) return problem(400, "bad_request", "[" + std::to_string(i) + "]: " + one.error());
    beacons.push_back(*one);
  }
  const auto visitor = guest(call, "heard", kReportsPerMinute);
  if (!visitor) return visitor.error();
  const auto reported = call.services().report_heard(visitor->subject, beacons);
  if (!reported) return call.failed(reported.error());
  return {204, {}, {}, nullptr};
}

}  // namespace

std::span<const Route> beacon_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/v1/me/beacon", Look::api, lend},
      {"POST", "/v1/me/heard", Look::api, heard},
  };
  return kRoutes;
}

}  // namespace foyer::portal
