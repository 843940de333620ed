#include <fmt/format.h>

#include <fstream>
#include <map>
#include <memory>

#include "ctl/commands.hpp"

namespace foyer::ctl {

using nlohmann::json;

namespace {

constexpr std::size_t kCodesAtOnce = 1000;
constexpr std::size_t kMostCodes = 1'000'000;
constexpr std::size_t kLongestCode = 40;  // as foyerd has it: a faulty line shall not make a request too large

struct Import {
  std::string file, campaign, prize;
};

struct Line {
  std::size_t number = 0;
  std::string code;
};

/// The codes of a file, one a line; blank lines and those that begin with # are none. nullopt: what is wrong was said.
std::optional<std::vector<Line>> read_codes(const std::string& file) {
  std::ifstream in(file);
  if (!in) {
    complain(fmt::format("{} cannot be read", file));
    return std::nullopt;
  }
  std::vector<Line> lines;
  std::map<std::string, std::size_t> seen;
  std::size_t number = 0;
  bool good = true;
  for (std::string text; std::getline(in, text);) {
    ++number;
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
    if (text.empty() || text[0] == '#') continue;
    const auto fault = [&](const std::string& what) {
      fmt::print(stderr, "{}:{}: {}\n", file, number, what);
      good = false;
    };
    if (text.size() > kLongestCode) {
      fault(fmt::format("is {} characters long; {} are allowed", text.size(), kLongestCode));
      continue;
    }
    if (const auto [at, fresh] = seen.emplace(text, number); !fresh) {
      fault(fmt::format("is the same code as line {}", at->second));
      continue;
    }
    if (lines.size() >= kMostCodes) {
      complain(fmt::format("{} has more than {} codes", file, kMostCodes));
      return std::nullopt;
    }
    lines.push_back({number, std::move(text)});
  }
  if (!good) return std::nullopt;
  return lines;
}

/// Once dry and once in earnest, so that a faulty file leaves nothing behind.
int import_codes(Shell& shell, const Import& order) {
  const auto lines = read_codes(order.file);
  if (!lines) return 1;
  std::uint64_t added = 0, known = 0, waiting = 0;
  for (const bool dry : {true, false}) {
    bool good = true;
    for (std::size_t from = 0; from < lines->size(); from += kCodesAtOnce) {
      const auto count = std::min(kCodesAtOnce, lines->size() - from);
      json body{{"campaign", order.campaign}, {"prize", order.prize}, {"codes", json::array()}, {"dry", dry}};
      for (std::size_t i = 0; i < count; ++i) body["codes"].push_back((*lines)[from + i].code);
      const auto answer = shell.ctl().ask("/v1/coupons/import", body);
      if (!answer) return complain(answer.error().message);
      for (const auto& fault : (*answer)["faults"]) {
        const auto at = from + fault["at"].get<std::size_t>();
        fmt::print(stderr, "{}:{}: {}\n", order.file, (*lines)[at].number, cell(fault["what"]));
        good = false;
      }
      if (dry) continue;
      added += (*answer)["added"].get<std::uint64_t>();
      known += (*answer)["known"].get<std::uint64_t>();
      waiting = (*answer)["waiting"].get<std::uint64_t>();
    }
    if (!good) return complain("nothing was imported");
  }
  if (shell.json)
    fmt::print("{}\n", json{{"added", added}, {"known", known}, {"waiting", waiting}}.dump());
  else
    fmt::print("{} codes imported, {} were waiting already; {} wait now\n", added, known, waiting);
  return 0;
}

void show(const json& coupon) { print_fields(coupon); }

}  // namespace

void add_coupons(Shell& shell) {
  const auto code = std::make_shared<std::string>(), reason = std::make_shared<std::string>("mistake");
  const auto with_code = [&](CLI::App* command) {
    command->add_option("CODE", *code, "A coupon's code, its id, or what its QR code says")->required();
    return command;
  };
  auto* coupon = shell.cli.add_subcommand("coupon", "Coupons");
  coupon->require_subcommand(1);
  with_code(shell.command(*coupon, "show", "One coupon as it stands", [&shell, code] {
    return shell.ctl().post("/v1/coupons/show", {{"code", *code}}, show);
  }));
  with_code(shell.command(*coupon, "void", "End an issued coupon for good",
                          [&shell, code, reason] {
                            return shell.ctl().post("/v1/coupons/void", {{"code", *code}, {"reason", *reason}}, show);
                          }))
      ->add_option("--reason", *reason, "Why, for the accounts")
      ->capture_default_str();
  with_code(shell.command(shell.cli, "redeem", "Use a coupon once, without a till", [&shell, code] {
    return shell.ctl().post("/v1/coupons/redeem", {{"code", *code}}, show);
  }));
  shell.command(*coupon, "key", "The line other shops of the chain need to take our coupons", [&shell] {
    return shell.ctl().get("/v1/coupons/key",
                           [](const json& key) { fmt::print("{}:{}\n", cell(key["store"]), cell(key["key"])); });
  });
  const auto order = std::make_shared<Import>();
  auto* imported = shell.command(*coupon, "import", "Codes of your own, one a line, for a prize with `codes: imported`",
                                 [&shell, order] { return import_codes(shell, *order); });
  imported->add_option("FILE", order->file, "The codes")->required();
  imported->add_option("--campaign", order->campaign, "The campaign's id")->required();
  imported->add_option("--prize", order->prize, "The prize's id")->required();
}

}  // namespace foyer::ctl
