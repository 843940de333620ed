#include "portal/call.hpp"

#include "portal/html.hpp"
#include "portal/pass.hpp"

namespace foyer::portal {

using nlohmann::json;
using ports::HttpResponse;

namespace {

constexpr std::string_view kPassCookie = "foyer";
/// A phone whose address changes more often than this is not carried along: it scans again.
constexpr std::uint32_t kCarriesPerMinute = 10;

/// A page may load our own files and nothing else, be framed by nobody and post only to us.
constexpr const char* kPolicy =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

json language_links(const Call& call) {
  json links = json::array();
  // After a POST a link must not repeat it: it goes home.
  const std::string path = call.request.method == "POST" ? "/" : call.request.path;
  for (const auto& tag : page_languages())
    links.push_back({{"tag", tag},
                     {"name", page_texts(tag).at("language")},
                     {"href", path + "?lang=" + tag},
                     {"current", tag == call.language}});
  return links;
}

/// The heading and the advice for a code, or the general ones.
std::string advice(const Call& call, std::string_view part, std::string_view code) {
  const auto& texts = page_texts(call.language);
  const auto found = texts.find(std::string(part) + "_" + std::string(code));
  return found != texts.end() ? *found : texts.at(std::string(part) + "_other");
}

}  // namespace

std::vector<std::string> Call::languages() const {
  std::vector<std::string> out{language};
  out.insert(out.end(), settings().languages.begin(), settings().languages.end());
  return out;
}

const std::string& Call::text(const campaign::Text& text) const { return campaign::best_text(text, languages()); }

std::string Call::text(const std::string& key) const { return page_texts(language).at(key); }

HttpResponse Call::page(std::string_view name, json values, int status) const {
  values["brand"] = text(settings().brand);
  values["lang_query"] = lang_query;
  values["logo"] = settings().logo != nullptr;
  const auto body = render(std::string(name) + ".mustache", language, values);
  values["body"] = body;
  values["languages"] = language_links(*this);
  if (!values.contains("title")) values["title"] = page_texts(language).at("title_" + std::string(name));
  return {status,
          {{"Content-Type", "text/html; charset=utf-8"},
           {"Cache-Control", "no-store"},
           {"Content-Language", language},
           {"Content-Security-Policy", kPolicy},
           {"X-Content-Type-Options", "nosniff"},
           {"Referrer-Policy", "same-origin"}},
          render("layout.mustache", language, values),
          nullptr};
}

HttpResponse Call::refuse(int status, std::string_view code, std::string_view detail) const {
  if (look == Look::api || is_json(request)) return problem(status, code, detail);
  return page("message",
              {{"title", advice(*this, "stop", code)}, {"advice", advice(*this, "help", code)}, {"code", code}},
              status);
}

HttpResponse Call::refuse(int status, campaign::Reason reason) const { return refuse(status, to_string(reason)); }

HttpResponse Call::failed(const Error& error) const {
  if (error.code == Code::retry) {
    auto out = refuse(503, campaign::Reason::overloaded);
    out.headers.emplace_back("Retry-After", "2");
    return out;
  }
  services().failed(where, error);
  return refuse(500, "internal");
}

HttpResponse Call::see(const std::string& path) const { return redirect(303, path + lang_query); }

tl::expected<std::optional<Visitor>, HttpResponse> Call::known() const {
  auto who = services().who(request.remote);
  if (!who && who.error().code == Code::refuse) return std::nullopt;
  if (!who) return tl::make_unexpected(failed(who.error()));
  if (who->session) return *std::move(who);
  const auto session = session_of_pass(shared.keys, cookie(request, kPassCookie), services().now());
  if (!session) return *std::move(who);
  const auto allowed = services().within_rate(who->device, "carry", kCarriesPerMinute);
  if (!allowed) return tl::make_unexpected(failed(allowed.error()));
  if (!*allowed) return *std::move(who);
  const auto carried = services().carry(*session, request.remote);
  if (!carried) return tl::make_unexpected(failed(carried.error()));
  if (!*carried) return *std::move(who);
  shared.tally.admitted(Way::pass);
  who = services().who(request.remote);
  if (!who) return tl::make_unexpected(failed(who.error()));
  return *std::move(who);
}

tl::expected<Visitor, HttpResponse> Call::visitor() const {
  auto who = known();
  if (!who) return tl::make_unexpected(std::move(who.error()));
  if (*who) return **std::move(who);
  // A page explains to join the Wi-Fi first; a program learns that this address is nobody.
  return tl::make_unexpected(refuse(look == Look::api ? 403 : 400, campaign::Reason::presence_too_low));
}

tl::expected<Visitor, HttpResponse> Call::visitor_within(const char* what, std::uint32_t per_minute) const {
  auto who = visitor();
  if (!who) return who;
  const auto within = services().within_rate(who->device, what, per_minute);
  if (!within) return tl::make_unexpected(failed(within.error()));
  if (!*within) return tl::make_unexpected(refuse(429, campaign::Reason::rate_limited));
  return who;
}

void Call::set_pass(HttpResponse& response, const Session& session) const {
  const auto left = std::chrono::floor<std::chrono::seconds>(session.until - services().now()).count();
  if (left <= 0) return;
  response.headers.emplace_back("Set-Cookie",
                                fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", kPassCookie,
                                            make_pass(shared.keys, session.id), left, request.tls ? "; Secure" : ""));
}

std::string local_time(const Settings& settings, WallTime time) {
  using namespace std::chrono;
  year_month_day day{floor<days>(time)};
  auto minute = duration_cast<minutes>(time - floor<days>(time)).count();
  if (settings.timezone) {
    const auto local = settings.timezone->local(time);
    day = local.day;
    minute = local.minute;
  }
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()), minute / 60, minute % 60);
}

}  // namespace foyer::portal
