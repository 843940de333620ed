#include "ctl/ctl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace foyer::ctl {

using nlohmann::json;

std::string cell(const json& value) {
  if (value.is_null()) return "-";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return value.get<std::string>().empty() ? "-" : value.get<std::string>();
  if (value.is_array()) {
    std::string all;
    for (const auto& one : value) all += (all.empty() ? "" : " ") + cell(one);
    return all.empty() ? "-" : all;
  }
  return value.dump();
}

void print_table(const json& rows, const std::vector<std::string>& columns) {
  std::vector<std::vector<std::string>> cells{columns};
  for (const auto& row : rows) {
    auto& line = cells.emplace_back();
    for (const auto& column : columns) line.push_back(row.contains(column) ? cell(row[column]) : "-");
  }
  std::vector<std::size_t> widths(columns.size(), 0);
  for (const auto& line : cells)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  for (const auto& line : cells) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i)
      text += i + 1 < line.size() ? fmt::format("{:<{}}  ", line[i], widths[i]) : line[i];
    fmt::print("{}\n", text);
  }
}

void print_fields(const json& object, const std::string& prefix) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object())
      print_fields(value, prefix + key + ".");
    else
      fmt::print("{:<28} {}\n", prefix + key, cell(value));
  }
}

int complain(const std::string& what) {
  fmt::print(stderr, "foyerctl: {}\n", what);
  return 1;
}

namespace {

/// Why a request failed, as foyerd says it (RFC 9457), or as it stands.
std::string problem(const drivers::httplib::Answer& answer) {
  const auto parsed = json::parse(answer.body, nullptr, false);
  if (parsed.is_object() && parsed.contains("detail")) return cell(parsed["detail"]);
  if (parsed.is_object() && parsed.contains("title")) return cell(parsed["title"]);
  return fmt::format("HTTP {}", answer.status);
}

}  // namespace

int Ctl::get(const std::string& path, const Show& show) { return finish(client_.get(path), show); }

int Ctl::post(const std::string& path, const json& body, const Show& show) {
  return finish(client_.post(path, body.dump()), show);
}

int Ctl::fetch(const std::string& path, const json& body) {
  const auto answer = client_.post(path, body.dump());
  if (!answer || answer->status >= 300) return finish(answer, {});
  const auto& content = answer->body;
  const bool written =
      std::fwrite(content.data(), 1, content.size(), stdout) == content.size() && std::fflush(stdout) == 0;
  return written ? 0 : complain("standard output cannot be written");
}

Result<json> Ctl::ask(const std::string& path, const json& body) {
  const auto answer = client_.post(path, body.dump());
  if (!answer)
    return fail(Code::degrade, "{} ({}; is foyerd running, and may you use its socket?)", answer.error().message,
                socket_);
  if (answer->status >= 300) return fail(Code::refuse, "{}", problem(*answer));
  auto parsed = json::parse(answer->body, nullptr, false);
  if (parsed.is_discarded()) return fail(Code::degrade, "foyerd did not answer in JSON");
  return parsed;
}

int Ctl::follow() {
  const auto line = [&](std::string_view text) {
    if (text.substr(0, 6) == "data: ") show_event(text.substr(6));
    return true;
  };
  const auto ended = client_.follow("/v1/events", line);
  if (!ended) return complain(ended.error().message);
  return complain("foyerd ended the stream");
}

int Ctl::finish(const Result<drivers::httplib::Answer>& answer, const Show& show) {
  if (!answer)
    return complain(
        fmt::format("{} ({}; is foyerd running, and may you use its socket?)", answer.error().message, socket_));
  if (answer->status >= 300) return complain(problem(*answer));
  const auto parsed = json::parse(answer->body, nullptr, false);
  if (json_ || parsed.is_discarded())
    fmt::print("{}\n", answer->body);
  else
    show(parsed);
  return 0;
}

void Ctl::show_event(std::string_view data) const {
  const auto event = json::parse(data, nullptr, false);
  if (json_ || !event.is_object())
    fmt::print("{}\n", data);
  else
    fmt::print("{}  {:<28} {}\n", cell(event.value("time", json())), cell(event.value("type", json())),
               event.value("data", json()).dump());
  std::fflush(stdout);
}

}  // namespace foyer::ctl
