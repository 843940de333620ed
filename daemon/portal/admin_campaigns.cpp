#include <charconv>

#include "portal/admin_routes.hpp"
#include "portal/respond.hpp"

namespace foyer::portal {

using nlohmann::json;
using ports::HttpRequest;
using ports::HttpResponse;

namespace {

constexpr int kUsualDays = 7, kMostDays = 400;

/// "/v1/campaigns/{id}/pause" → id.
std::string id_in(const HttpRequest& request) {
  constexpr std::string_view kBefore = "/v1/campaigns/";
  const auto rest = std::string_view(request.path).substr(kBefore.size());
  return std::string(rest.substr(0, rest.find('/')));
}

HttpResponse list(AdminServices& services, const HttpRequest&) { return admin_answer(services.campaigns_json()); }
HttpResponse show(AdminServices& services, const HttpRequest& request) {
  return admin_answer(services.campaign_json(id_in(request)));
}
HttpResponse pause(AdminServices& services, const HttpRequest& request) {
  return admin_answer(services.pause_campaign(id_in(request), true));
}
HttpResponse resume(AdminServices& services, const HttpRequest& request) {
  return admin_answer(services.pause_campaign(id_in(request), false));
}

HttpResponse push(AdminServices& services, const HttpRequest& request) {
  if (const auto body = read_object(request); !body) return body.error();
  return admin_answer(services.push_campaign(request.body));  // as written: the strict reader finds keys given twice
}

HttpResponse segments(AdminServices& services, const HttpRequest& request) {
  const auto body = read_object(request);
  if (!body) return body.error();
  const auto subject = read_string(*body, "subject", 128);
  if (!subject) return subject.error();
  const auto listed = body->find("segments");
  const auto is_name = [](const json& one) {
    return one.is_string() && !one.get_ref<const std::string&>().empty() &&
           one.get_ref<const std::string&>().size() <= 64;
  };
  if (listed == body->end() || !listed->is_array() || !std::all_of(listed->begin(), listed->end(), is_name))
    return problem(400, "bad_request", "segments: a list of names of 1 to 64 bytes; an empty list takes all away");
  return admin_answer(services.set_segments(*subject, listed->get<std::vector<std::string>>()));
}

HttpResponse stats(AdminServices& services, const HttpRequest& request) {
  const auto text = field(request.query, "days");
  int days = kUsualDays;
  if (!text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), days);
    if (error != std::errc() || end != text.data() + text.size() || days < 1 || days > kMostDays)
      return problem(400, "bad_request", fmt::format("days: a whole number from 1 to {}", kMostDays));
  }
  return admin_answer(services.stats_json(days));
}

}  // namespace

std::span<const AdminRoute> campaign_admin_routes() {
  static constexpr AdminRoute kRoutes[] = {
      {"GET", "/v1/campaigns", false, list},
      {"POST", "/v1/campaigns", false, push},
      {"GET", "/v1/campaigns/{id}", false, show},
      {"POST", "/v1/campaigns/{id}/pause", false, pause},
      {"POST", "/v1/campaigns/{id}/resume", false, resume},
      {"POST", "/v1/segments", false, segments},
      {"GET", "/v1/stats", false, stats},
  };
  return kRoutes;
}

}  // namespace foyer::portal
