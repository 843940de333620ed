#include "portal/respond.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace foyer::portal {

using nlohmann::json;
using ports::HttpRequest;
using ports::HttpResponse;

namespace {

bool iequals(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view cut(std::string_view& text, char separator) {
  const auto part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

bool has_type(const HttpRequest& request, std::string_view wanted) {
  auto type = request.header("Content-Type");
  return iequals(trim(cut(type, ';')), wanted);
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Thousandths; what is malformed counts as 0.
int quality(std::string_view parameter) {
  parameter = trim(parameter);
  if (!parameter.starts_with("q=")) return 1000;
  const double q = std::strtod(std::string(parameter.substr(2)).c_str(), nullptr);
  return q > 0 && q <= 1 ? static_cast<int>(q * 1000) : 0;
}

}  // namespace

HttpResponse problem(int status, std::string_view code, std::string_view detail) {
  json body{{"type", "about:blank"}, {"status", status}, {"code", code}};
  if (!detail.empty()) body["detail"] = detail;
  HttpResponse out = json_response(body, status);
  out.headers.front().second = "application/problem+json";
  return out;
}

HttpResponse json_response(const json& body, int status) {
  return json_text(body.dump(-1, ' ', false, json::error_handler_t::replace), status);
}

HttpResponse json_text(std::string body, int status) {
  return {status,
          {{"Content-Type", "application/json"},
           {"Cache-Control", "no-store"},
           {"X-Content-Type-Options", "nosniff"},
           {"Referrer-Policy", "same-origin"}},
          std::move(body),
          nullptr};
}

HttpResponse redirect(int status, const std::string& location) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"},
           {"Location", location},
           {"Cache-Control", "no-store"},
           {"Referrer-Policy", "same-origin"}},
          "Go on to " + location + "\n",
          nullptr};
}

std::string field(const Form& form, std::string_view name) {
  for (const auto& [key, value] : form)
    if (key == name) return value;
  return {};
}

std::string host_of(std::string_view header) {
  header = trim(header);
  std::string_view host, rest;
  if (header.starts_with('[')) {
    const auto end = header.find(']');
    if (end == std::string_view::npos) return {};
    host = header.substr(1, end - 1);
    rest = header.substr(end + 1);
  } else {
    host = header.substr(0, header.find(':'));
    rest = header.substr(host.size());
  }
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!rest.empty() && (rest.front() != ':' || !std::all_of(rest.begin() + 1, rest.end(), digit))) return {};
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string out(host);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string_view cookie(const HttpRequest& request, std::string_view name) {
  auto all = request.header("Cookie");
  while (!all.empty()) {
    auto pair = trim(cut(all, ';'));
    if (cut(pair, '=') == name) return pair;
  }
  return {};
}

bool wants_json(const HttpRequest& request) {
  const auto accept = request.header("Accept");
  return accept.find("application/json") != std::string_view::npos &&
         accept.find("text/html") == std::string_view::npos;
}

bool is_cross_site(const HttpRequest& request) {
  const auto site = request.header("Sec-Fetch-Site");
  if (!site.empty() && !iequals(site, "same-origin") && !iequals(site, "none")) return true;
  if (!request.has_header("Origin")) return false;
  const std::string expected = std::string(request.tls ? "https://" : "http://") + std::string(request.header("Host"));
  return !iequals(trim(request.header("Origin")), expected);
}

bool is_json(const HttpRequest& request) { return has_type(request, "application/json"); }
bool is_form(const HttpRequest& request) { return has_type(request, "application/x-www-form-urlencoded"); }

namespace {

tl::expected<json, HttpResponse> read_body(const HttpRequest& request) {
  if (!is_json(request))
    return tl::make_unexpected(problem(415, "unsupported_media_type", "send JSON with Content-Type: application/json"));
  try {
    return json::parse(request.body);
  } catch (const json::exception& error) {
    // The library's text names line, column and what it expected; what was sent is cut off before it is repeated.
    std::string text = error.what();
    if (const auto at = text.find("; last read"); at != std::string::npos) text.resize(at);
    return tl::make_unexpected(problem(400, "bad_request", "malformed JSON: " + text));
  }
}

}  // namespace

tl::expected<json, HttpResponse> read_object(const HttpRequest& request) {
  auto body = read_body(request);
  if (body && !body->is_object())
    return tl::make_unexpected(problem(400, "bad_request", "the body must be a JSON object"));
  return body;
}

tl::expected<json, HttpResponse> read_list(const HttpRequest& request, std::size_t most) {
  auto body = read_body(request);
  if (body && (!body->is_array() || body->size() > most))
    return tl::make_unexpected(
        problem(400, "bad_request", "the body must be a JSON list of at most " + std::to_string(most) + " items"));
  return body;
}

tl::expected<std::string, HttpResponse> read_string(const json& object, const char* key, std::size_t most) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::string();
  const auto wrong = [&](const std::string& what) {
    return tl::make_unexpected(problem(400, "bad_request", std::string(key) + ": " + what));
  };
  if (!found->is_string()) return wrong("must be a string");
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() > most) return wrong("at most " + std::to_string(most) + " characters are allowed");
  if (std::any_of(text.begin(), text.end(), is_control)) return wrong("control characters are not allowed");
  return text;
}

bool match(std::string_view pattern, std::string_view path, std::vector<std::string>& params) {
  params.clear();
  while (!pattern.empty() && !path.empty()) {
    if (pattern.front() != '{') {
      if (pattern.front() != path.front()) return false;
      pattern.remove_prefix(1);
      path.remove_prefix(1);
      continue;
    }
    pattern.remove_prefix(pattern.find('}') + 1);
    const auto segment = path.substr(0, path.find('/'));
    if (segment.empty()) return false;
    params.emplace_back(segment);
    path.remove_prefix(segment.size());
  }
  return pattern.empty() && path.empty();
}

std::string best_language(std::string_view accept_language, const std::vector<std::string>& offered) {
  std::string best;
  int best_quality = 0;
  while (!accept_language.empty()) {
    auto item = cut(accept_language, ',');
    const auto tag = trim(cut(item, ';'));
    const int q = quality(item);
    if (q <= best_quality || tag.empty()) continue;
    const auto primary = tag.substr(0, tag.find('-'));
    for (const auto& one : offered) {
      const auto ours = std::string_view(one).substr(0, one.find('-'));
      if (!iequals(tag, one) && !iequals(primary, ours)) continue;
      best = one;
      best_quality = q;
      if (iequals(tag, one)) break;
    }
  }
  return best;
}

}  // namespace foyer::portal
