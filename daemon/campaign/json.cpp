#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/node_builder.hpp"
#include "base/units.hpp"
#include "campaign/reader.hpp"

namespace foyer::campaign {
namespace {

using Json = nlohmann::ordered_json;  // the order of prizes is the marketer's

constexpr std::size_t kMostBytes = 64 * 1024;  // on the wire: as much as one MQTT message of ours
constexpr std::size_t kMostLevels = 16;
constexpr std::size_t kMostNodes = 20'000;  // on the wire

/// nlohmann's events → Node. Its parser keeps its own stack on the heap, so depth costs no C++ stack.
class Events final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Events(std::size_t most_nodes) : builder_(kMostLevels, most_nodes) {}

  Node take() { return builder_.take(); }
  const std::string& fault() const { return fault_; }

  bool null() override { return leaf(Node::Kind::null, "", false); }
  bool boolean(bool value) override { return leaf(Node::Kind::scalar, value ? "true" : "false", false); }
  bool number_integer(number_integer_t value) override {
    return leaf(Node::Kind::scalar, fmt::to_string(value), false);
  }
  bool number_unsigned(number_unsigned_t value) override {
    return leaf(Node::Kind::scalar, fmt::to_string(value), false);
  }
  bool number_float(number_float_t, const string_t& written) override {
    return leaf(Node::Kind::scalar, written, false);
  }
  bool string(string_t& value) override { return leaf(Node::Kind::scalar, value, true); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& name) override { return leaf(Node::Kind::scalar, name, true); }
  bool start_object(std::size_t) override { return open(Node::Kind::map); }
  bool start_array(std::size_t) override { return open(Node::Kind::sequence); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) override {
    fault_ = fmt::format("is not JSON (RFC 8259): wrong at byte {}", at);
    return false;
  }

 private:
  bool leaf(Node::Kind kind, std::string text, bool quoted) {
    Node node;
    node.kind = kind;
    node.text = std::move(text);
    node.quoted = quoted;
    return good(builder_.add(std::move(node)));
  }
  bool open(Node::Kind kind) {
    Node node;
    node.kind = kind;
    return good(builder_.open(std::move(node)));
  }
  bool close() {
    builder_.close();
    return true;
  }
  bool good(NodeBuilder::Status status) {
    if (status == NodeBuilder::Status::too_deep) fault_ = fmt::format("is nested deeper than {} levels", kMostLevels);
    if (status == NodeBuilder::Status::too_many) fault_ = fmt::format("has more than {} values", kMostNodes);
    return status == NodeBuilder::Status::good;
  }

  NodeBuilder builder_;
  std::string fault_;
};

std::string date_text(std::chrono::year_month_day date) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string hours_text(const Hours& hours) {
  return fmt::format("{:02}:{:02}-{:02}:{:02}", hours.from / 60, hours.from % 60, hours.to / 60, hours.to % 60);
}

std::string percent_text(std::uint32_t points) {
  return points % 100 == 0 ? fmt::format("{}%", points / 100) : fmt::format("{}.{:02}%", points / 100, points % 100);
}

std::string_view word(BenefitKind kind) {
  switch (kind) {
    case BenefitKind::amount_off: return "amount_off";
    case BenefitKind::percent_off: return "percent_off";
    case BenefitKind::gift: return "gift";
    case BenefitKind::exchange: return "exchange";
    case BenefitKind::stamp: return "stamp";
  }
  return "gift";
}

Json schedule_json(const Schedule& schedule) {
  constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  Json json = Json::object();
  if (schedule.from) json["from"] = date_text(*schedule.from);
  if (schedule.until) json["until"] = date_text(*schedule.until);
  if (schedule.days != 0x7f)
    for (std::size_t day = 0; day < kDays.size(); ++day)
      if ((schedule.days >> day & 1) != 0) json["days"].push_back(kDays[day]);
  for (const auto& hours : schedule.hours) json["hours"].push_back(hours_text(hours));
  for (const auto& day : schedule.except) json["except"].push_back(date_text(day));
  return json;
}

Json who_json(const Who& who) {
  Json json = Json::object();
  if (!who.any.empty()) json["segments"]["any"] = who.any;
  if (!who.none.empty()) json["segments"]["none"] = who.none;
  if (who.visits != Visits::any) json["visits"] = who.visits == Visits::new_ ? "new" : "returning";
  if (who.holdout_bp > 0) json["holdout"] = percent_text(who.holdout_bp);
  return json;
}

Json limits_json(const Limits& limits) {
  Json json = Json::object();
  if (limits.subject_total) json["per_subject"]["total"] = *limits.subject_total;
  if (limits.subject_day) json["per_subject"]["day"] = *limits.subject_day;
  if (limits.total) json["total"] = *limits.total;
  if (limits.day) json["day"] = *limits.day;
  json["interval"] = limits.interval.count() == 0 ? "0s" : format_duration(limits.interval);
  return json;
}

Json benefit_json(const Benefit& benefit) {
  Json json{{"kind", word(benefit.kind)}};
  if (benefit.amount) json["amount"] = format_amount(*benefit.amount);
  if (benefit.percent_bp > 0) json["percent"] = percent_text(benefit.percent_bp);
  if (benefit.amount || benefit.min_spend)
    json["currency"] = benefit.amount ? benefit.amount->currency : benefit.min_spend->currency;
  if (benefit.min_spend) json["min_spend"] = format_amount(*benefit.min_spend);
  if (!benefit.item.empty()) json["item"] = benefit.item;
  return json;
}

/// Windows by day, as WeekHours has them; the reader takes this form too.
Json week_json(const WeekHours& hours) {
  constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  Json json = Json::object();
  for (std::size_t day = 0; day < kDays.size(); ++day)
    for (const auto& window : hours[day]) json[std::string(kDays[day])].push_back(hours_text(window));
  return json;
}

void add_validity(Json& json, const Validity& valid) {
  if (valid.for_) json["valid"]["for"] = format_duration(*valid.for_);
  if (valid.until) json["valid"]["until"] = date_text(*valid.until);
  if (valid.end_of_day) json["valid"]["end_of_day"] = true;
  if (valid.from) json["valid"]["from"] = date_text(*valid.from);
  if (valid.after.count() > 0) json["valid"]["after"] = format_duration(valid.after);
  if (valid.hours != WeekHours{}) json["valid"]["hours"] = week_json(valid.hours);
}

void add_coupon(Json& json, const Prize& prize) {
  if (prize.stock) json["stock"] = *prize.stock;
  json["benefit"] = benefit_json(prize.benefit);
  add_validity(json, prize.valid);
  json["uses"] = prize.uses;
  if (prize.interval.count() > 0) json["interval"] = format_duration(prize.interval);
  if (!prize.redeem_at.empty()) json["redeem_at"] = prize.redeem_at;
  if (prize.imported_codes) json["codes"] = "imported";
}

void add_red_packet(Json& json, const Prize& prize) {
  json["total"] = format_amount(prize.total);
  json["currency"] = prize.total.currency;
  json["count"] = prize.count;
  json["at_least"] = format_amount({prize.at_least_minor, prize.total.currency});
}

Json prize_json(const Prize& prize) {
  const bool coupon = prize.kind == PrizeKind::coupon, packet = prize.kind == PrizeKind::red_packet;
  Json json{{"kind", coupon ? "coupon" : packet ? "red_packet" : "nothing"}, {"weight", prize.weight}};
  if (!prize.title.empty()) json["title"] = prize.title;
  if (coupon) add_coupon(json, prize);
  if (packet) add_red_packet(json, prize);
  return json;
}

}  // namespace

tl::expected<Campaign, Faults> parse_campaign_json(std::string_view text, const std::string& source, Origin origin,
                                                   const Ceilings& ceilings) {
  const auto refuse = [&](std::string what) {
    return tl::make_unexpected(Faults{{source, 0, 0, "", std::move(what)}});
  };
  const bool stored = origin == Origin::stored;
  if (!stored && text.size() > kMostBytes) return refuse(fmt::format("is larger than {} KiB", kMostBytes / 1024));
  Events events(stored ? SIZE_MAX : kMostNodes);
  if (!nlohmann::json::sax_parse(text, &events)) return refuse(events.fault());
  // What was accepted once stays good, whatever the rules of today say of it.
  return stored ? read_stored_campaign(events.take(), source) : read_campaign(events.take(), source, ceilings);
}

std::string to_json(const Campaign& campaign) {
  Json json{{"id", campaign.id}, {"title", campaign.title}, {"trigger", to_string(campaign.trigger)}};
  if (!campaign.schedule.unlimited()) json["schedule"] = schedule_json(campaign.schedule);
  if (!campaign.where.zones.empty()) json["where"]["zones"] = campaign.where.zones;
  if (campaign.where.presence > 0) json["where"]["presence"] = campaign.where.presence;
  if (campaign.who != Who{}) json["who"] = who_json(campaign.who);
  json["limits"] = limits_json(campaign.limits);
  for (const auto& prize : campaign.prizes) json["prizes"][prize.id] = prize_json(prize);
  json["priority"] = campaign.priority;
  if (!campaign.exclusive.empty()) json["exclusive"] = campaign.exclusive;
  if (campaign.paused) json["paused"] = true;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace foyer::campaign
