#include "ledger/tally.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <tuple>

#include "base/crypto.hpp"

namespace foyer::ledger {
namespace {

using campaign::Span;
using campaign::Stage;

// Linear counting (Whang, Vander-Zanden, Taylor 1990): exact for few people, within 2 % for 5,000 in an hour.
constexpr std::size_t kPlaces = 4096;
constexpr std::int64_t kHoursKept = 14 * 24;
constexpr std::int64_t kDaysKept = 400;
constexpr std::int64_t kHoursShown = 48;

std::int64_t hour_of(WallTime time) { return std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count(); }

std::size_t place_of(ByteView who, Span span, std::int64_t slot) {
  Bytes message(who.begin(), who.end());
  message.push_back(static_cast<std::uint8_t>(span));
  for (int shift = 0; shift < 64; shift += 8) message.push_back(static_cast<std::uint8_t>(slot >> shift & 0xff));
  const auto digest = sha256(message);
  return (static_cast<std::size_t>(digest[0]) << 8 | digest[1]) % kPlaces;
}

std::int64_t people_of(const Bytes& bits) {
  std::size_t taken = 0;
  for (const auto byte : bits) taken += static_cast<std::size_t>(std::popcount(byte));
  const double free = static_cast<double>(std::max<std::size_t>(kPlaces - taken, 1)) / kPlaces;
  return std::llround(-static_cast<double>(kPlaces) * std::log(free));
}

struct Key {
  std::string campaign, zone;
  Stage stage;
  auto operator<=>(const Key&) const = default;
};

void add_to_cell(Db& db, Span span, std::int64_t slot, const Key& key, const std::vector<const Bytes*>& people) {
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
  Bytes bits(kPlaces / 8, 0);
  {
    auto query =
        db.query("SELECT bits FROM funnel WHERE span = ? AND slot = ? AND campaign = ? AND zone = ? AND stage = ?");
    query.bind(number(span), slot, key.campaign, key.zone, number(key.stage));
    if (query.next()) {
      const auto stored = query.text(0);
      if (stored.size() == bits.size()) std::ranges::copy(as_bytes(stored), bits.begin());
    }
  }
  for (const auto* who : people) {
    const auto place = place_of(*who, span, slot);
    bits[place / 8] = static_cast<std::uint8_t>(bits[place / 8] | 1u << place % 8);
  }
  db.query(
        "INSERT INTO funnel (span, slot, campaign, zone, stage, events, people, bits) VALUES (?1,?2,?3,?4,?5,?6,?7,?8) "
        "ON CONFLICT (span, slot, campaign, zone, stage) DO UPDATE SET events = events + ?6, "
        "people = max(people, ?7), bits = ?8")
      .bind(number(span), slot, key.campaign, key.zone, number(key.stage), people.size(), people_of(bits), bits)
      .run();
}

}  // namespace

void Tally::add(Stage stage, std::string_view campaign, std::string_view zone, ByteView who) {
  added_.push_back({stage, std::string(campaign), std::string(zone), Bytes(who.begin(), who.end())});
}

void Tally::write(Db& db, WallTime now, std::int64_t today) {
  if (added_.empty()) return;
  std::map<Key, std::vector<const Bytes*>> cells;
  for (const auto& entry : added_) cells[{entry.campaign, entry.zone, entry.stage}].push_back(&entry.who);
  for (const auto& [key, people] : cells) {
    add_to_cell(db, Span::hour, hour_of(now), key, people);
    add_to_cell(db, Span::day, today, key, people);
  }
  added_.clear();
}

void close_funnel(Db& db, WallTime now, std::int64_t today) {
  const auto close = [&](Span span, std::int64_t before, std::int64_t kept) {
    const auto number = static_cast<std::int64_t>(span);
    db.query("UPDATE funnel SET bits = x'' WHERE span = ? AND slot >= ? AND slot < ? AND length(bits) > 0")
        .bind(number, before - 48, before)
        .run();
    db.query("DELETE FROM funnel WHERE span = ? AND slot < ?").bind(number, before - kept).run();
  };
  close(Span::hour, hour_of(now), kHoursKept);
  close(Span::day, today, kDaysKept);
}

std::vector<campaign::Cell> funnel_cells(Db& db, WallTime now, std::int64_t today, int days) {
  std::vector<campaign::Cell> cells;
  const auto read = [&](Span span, std::int64_t from) {
    auto query = db.query(
        "SELECT slot, campaign, zone, stage, events, people FROM funnel WHERE span = ? AND slot > ? "
        "ORDER BY slot, campaign, zone, stage");
    query.bind(static_cast<std::int64_t>(span), from);
    while (query.next())
      cells.push_back({span, query.integer(0), query.text(1), query.text(2), static_cast<Stage>(query.integer(3)),
                       static_cast<std::uint64_t>(query.integer(4)), static_cast<std::uint64_t>(query.integer(5))});
  };
  read(Span::day, today - days);
  read(Span::hour, hour_of(now) - kHoursShown);
  return cells;
}

}  // namespace foyer::ledger
