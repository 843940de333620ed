// foyerctl: the operator's command. Talks HTTP to foyerd over its control socket; `decode` and `render` need no daemon.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/units.hpp"
#include "beacon/decode.hpp"
#include "config/config.hpp"
#include "config/render.hpp"
#include "drivers/httplib/httplib_client.hpp"
#include "version.hpp"

namespace {

using namespace foyer;
using drivers::httplib::Client;
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

/// The named fields of each object, one row each, columns as wide as their widest cell.
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

/// key: value lines; inner objects as key.inner.
void print_fields(const json& object, const std::string& prefix = "") {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object())
      print_fields(value, prefix + key + ".");
    else
      fmt::print("{:<28} {}\n", prefix + key, cell(value));
  }
}

/// Why a request failed, as foyerd says it (RFC 9457), or as it stands.
std::string problem(const drivers::httplib::Answer& answer) {
  const auto parsed = json::parse(answer.body, nullptr, false);
  if (parsed.is_object() && parsed.contains("detail")) return cell(parsed["detail"]);
  if (parsed.is_object() && parsed.contains("title")) return cell(parsed["title"]);
  return fmt::format("HTTP {}", answer.status);
}

class Ctl {
 public:
  Ctl(const std::string& socket, bool as_json) : client_("unix:" + socket), socket_(socket), json_(as_json) {}

  int get(const std::string& path, const std::function<void(const json&)>& show) {
    return finish(client_.get(path), show);
  }
  int post(const std::string& path, const json& body, const std::function<void(const json&)>& show) {
    return finish(client_.post(path, body.dump()), show);
  }
  int follow() {
    std::string type;
    const auto line = [&](std::string_view text) {
      if (text.substr(0, 7) == "event: ") type = text.substr(7);
      if (text.substr(0, 6) == "data: ") show_event(text.substr(6));
      return true;
    };
    const auto ended = client_.follow("/v1/events", line);
    if (!ended) return complain(ended.error().message);
    return complain("foyerd ended the stream");
  }

 private:
  int finish(const Result<drivers::httplib::Answer>& answer, const std::function<void(const json&)>& show) {
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
  void show_event(std::string_view data) const {
    const auto event = json::parse(data, nullptr, false);
    if (json_ || !event.is_object())
      fmt::print("{}\n", data);
    else
      fmt::print("{}  {:<28} {}\n", cell(event.value("time", json())), cell(event.value("type", json())),
                 event.value("data", json()).dump());
    std::fflush(stdout);
  }
  static int complain(const std::string& what) {
    fmt::print(stderr, "foyerctl: {}\n", what);
    return 1;
  }

  Client client_;
  std::string socket_;
  bool json_;
};

int decode() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto decoded = beacon::decode_line(line);
    if (!decoded) {
      fmt::print("{}\n", json{{"frames", json::array()}, {"error", decoded.error().message}}.dump());
      continue;
    }
    fmt::print("{}\n", *decoded);
  }
  return 0;
}

int render(const std::string& what, const std::string& path) {
  const auto config = config::read_config(path);
  if (!config) {
    for (const auto& fault : config.error()) fmt::print(stderr, "{}\n", to_string(fault));
    return 78;
  }
  const auto text = config::render(what, *config);
  if (!text) {
    fmt::print(stderr, "foyerctl: {}\n", text.error().message);
    return 1;
  }
  fmt::print("{}", *text);
  return 0;
}

void show_radio(const json& radio) {
  fmt::print("up {}  mode {}  {}\n", cell(radio["up"]), cell(radio["mode"]), cell(radio["reason"]));
  print_table(radio["adapters"], {"name", "address", "powered", "scanning", "adverts"});
  print_table(radio["broadcasts"], {"identifier", "adapter", "state", "error"});
}

void show_outbox(const json& outbox) {
  auto rows = json::array();
  for (const auto& [name, stream] : outbox["streams"].items()) {
    auto row = stream;
    row["stream"] = name;
    rows.push_back(row);
  }
  fmt::print("epoch {}  connected {}  {}\n", cell(outbox["epoch"]), cell(outbox["connected"]),
             outbox.contains("last_error") ? cell(outbox["last_error"]) : "");
  print_table(rows, {"stream", "rows", "bytes", "oldest", "last_seq", "acknowledged", "sent", "in_flight", "refused"});
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"foyerctl: look at and steer a foyer gateway"};
  cli.set_version_flag("--version", kVersion);
  cli.require_subcommand(1);
  std::string socket = "/run/foyer/control.sock", address, kind = "screen", zone, ttl, what,
              path = "/etc/foyer/foyer.yaml";
  bool as_json = false, follow = false;
  cli.add_option("--socket", socket, "foyerd's control socket")->capture_default_str();
  cli.add_flag("--json", as_json, "Print what foyerd answered");
  cli.fallthrough();

  int status = 0;
  const auto ctl = [&] { return Ctl(socket, as_json); };
  const auto command = [&cli, &status](const char* name, const char* help, auto run) {
    auto* sub = cli.add_subcommand(name, help);
    sub->callback([run, &status] { status = run(); });
    return sub;
  };
  command("status", "The house at a glance",
          [&] { return ctl().get("/v1/status", [](const json& j) { print_fields(j); }); });
  command("radio", "Adapters and broadcasts", [&] { return ctl().get("/v1/radio", show_radio); });
  command("presence", "Which beacons are here", [&] {
    return ctl().get("/v1/presence", [](const json& rows) {
      print_table(rows, {"zone", "identifier", "visit", "since_s", "rssi", "dwelled"});
    });
  });
  command("clients", "Which guests are in", [&] {
    return ctl().get("/v1/clients", [](const json& rows) {
      print_table(rows, {"mac", "ip", "way", "since", "seconds_left", "bytes_up", "bytes_down", "signal_dbm"});
    });
  });
  command("outbox", "What waits to go upstream", [&] { return ctl().get("/v1/outbox", show_outbox); });
  const auto done = [](const json& j) { print_fields(j); };
  command("admit", "Let a device in",
          [&, done] {
            return ctl().post("/v1/clients/admit", {{"address", address}}, done);
          })
      ->add_option("ADDRESS", address, "IP or MAC address")
      ->required();
  command("remove", "Shut a device out",
          [&, done] {
            return ctl().post("/v1/clients/remove", {{"address", address}}, done);
          })
      ->add_option("ADDRESS", address, "IP or MAC address")
      ->required();
  command("events", "Events as they are stored, from now on", [&] {
    return ctl().follow();
  })->add_flag("--follow", follow, "Go on until interrupted (it always does)");
  auto* token = cli.add_subcommand("token", "Tokens for QR codes");
  token->require_subcommand(1);
  auto* mint = token->add_subcommand("mint", "Sign a token and print its link");
  mint->add_option("--kind", kind, "poster, screen, receipt or staff")->capture_default_str();
  mint->add_option("--zone", zone, "A zone of foyer.yaml");
  mint->add_option("--ttl", ttl, "How long it is good: 30m, 12h, 7d");
  mint->callback([&] {
    json order{{"kind", kind}};
    if (!zone.empty()) order["zone"] = zone;
    if (!ttl.empty()) order["ttl"] = ttl;
    status = ctl().post("/v1/tokens", order, [](const json& minted) { fmt::print("{}\n", cell(minted["url"])); });
  });
  command("decode", "Hex advertising data on standard input → JSON, a line each", [] { return decode(); });
  auto* rendered =
      command("render", "Configuration for a neighbour, from foyer.yaml", [&] { return render(what, path); });
  rendered->add_option("WHAT", what, "hostapd or dnsmasq")->required()->check(CLI::IsMember({"hostapd", "dnsmasq"}));
  rendered->add_option("--config", path, "foyer.yaml")->capture_default_str();
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "foyerctl: {}\n", error.what());
    return 1;
  }
  return status;
}
