#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "ports/http_server.hpp"

/// Answers and readings that need no state, shared by the guests' and the operator's side.
namespace foyer::portal {

using Form = std::vector<std::pair<std::string, std::string>>;

/// RFC 9457 with our `code`; `detail` is for a person.
ports::HttpResponse problem(int status, std::string_view code, std::string_view detail = {});
ports::HttpResponse json_response(const nlohmann::json& body, int status = 200);
ports::HttpResponse json_text(std::string body, int status = 200);
ports::HttpResponse redirect(int status, const std::string& location);

/// The first value of that name; empty when absent.
std::string field(const Form& form, std::string_view name);

/// host[:port] of a Host header → lower case, without port, brackets and trailing dot; empty when malformed.
std::string host_of(std::string_view header);

/// A cookie's value as RFC 6265 section 5.4 sends it; empty when absent.
std::string_view cookie(const ports::HttpRequest& request, std::string_view name);

/// Whether the one who asks prefers JSON to a page: an Accept header that names it and no page.
bool wants_json(const ports::HttpRequest& request);

/// A POST or DELETE that a page of another site made. RFC 6454: `Origin: null` is foreign too.
bool is_cross_site(const ports::HttpRequest& request);

bool is_json(const ports::HttpRequest& request);
bool is_form(const ports::HttpRequest& request);

/// The JSON object of the body; the response is the refusal: 415 for another type, 400 that says what is malformed.
tl::expected<nlohmann::json, ports::HttpResponse> read_object(const ports::HttpRequest& request);

/// The same for a JSON list of at most `most` items.
tl::expected<nlohmann::json, ports::HttpResponse> read_list(const ports::HttpRequest& request, std::size_t most);

/// A string of at most `most` characters and no control characters. Absent: empty. The response names the key.
tl::expected<std::string, ports::HttpResponse> read_string(const nlohmann::json& object, const char* key,
                                                           std::size_t most);

/// Matches "/c/{id}" and fills `params`. A placeholder is one segment that is not empty.
bool match(std::string_view pattern, std::string_view path, std::vector<std::string>& params);

/// RFC 9110 section 12.5.4, as far as it chooses among `offered`: highest q first, then order; "zh" fits "zh-CN".
std::string best_language(std::string_view accept_language, const std::vector<std::string>& offered);

}  // namespace foyer::portal
