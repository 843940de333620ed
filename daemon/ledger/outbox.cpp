#include "ledger/outbox.hpp"

#include <algorithm>
#include <tuple>

#include "ledger/codec.hpp"

namespace foyer::ledger {
namespace {

std::uint64_t size_of(const Event& event) { return event.type.size() + event.subject.size() + event.data.size(); }

constexpr std::int64_t number(Stream stream) { return static_cast<std::int64_t>(stream); }
constexpr std::size_t index(Stream stream) { return static_cast<std::size_t>(stream) - 1; }

std::string passed_key(Stream stream) { return "passed." + std::string(to_string(stream)); }

}  // namespace

void Outbox::load() {
  counters_ = {};
  newest_ = {};
  auto query = db_.query("SELECT stream, last_seq, gone, rows, bytes, newest_ms FROM stream");
  while (query.next()) {
    const auto stream = query.integer(0);
    if (stream < 1 || stream > static_cast<std::int64_t>(kStreams.size())) continue;
    const auto unsigned_at = [&](int column) { return static_cast<std::uint64_t>(query.integer(column)); };
    counters_[static_cast<std::size_t>(stream) - 1] = {unsigned_at(1), unsigned_at(2), unsigned_at(3), unsigned_at(4)};
    newest_ = std::max(newest_, from_unix_ms(query.integer(5)));
  }
  written_ = counters_;
  added_.clear();
  load_passed();
}

void Outbox::add(Event event, WallTime wall, MonoTime mono) {
  auto& at = counter(event.stream);
  const std::uint64_t seq = at.last_seq + 1;
  const auto mono_ms = std::chrono::duration_cast<std::chrono::milliseconds>(mono.time_since_epoch()).count();
  db_.query("INSERT INTO outbox (stream, seq, type, subject, data, wall_ms, boot, mono_ms) VALUES (?,?,?,?,?,?,?,?)")
      .bind(number(event.stream), seq, event.type, event.subject, event.data, unix_ms(wall), boot_, mono_ms)
      .run();
  at.last_seq = seq;
  at.rows += 1;
  at.bytes += size_of(event);
  newest_ = std::max(newest_, wall);
  added_.push_back({std::move(event), seq, wall});
}

void Outbox::write_states() {
  for (const auto stream : kStreams) {
    write_passed(stream);
    const auto& now = counter(stream);
    if (now == written_[static_cast<std::size_t>(stream) - 1]) continue;
    db_.query(
           "INSERT INTO stream (stream, last_seq, gone, rows, bytes, newest_ms) VALUES (?,?,?,?,?,?) "
           "ON CONFLICT (stream) DO UPDATE SET last_seq = excluded.last_seq, gone = excluded.gone, "
           "rows = excluded.rows, bytes = excluded.bytes, newest_ms = excluded.newest_ms")
        .bind(number(stream), now.last_seq, now.gone, now.rows, now.bytes, unix_ms(newest_))
        .run();
  }
}

void Outbox::restore(const Mark& mark) {
  counters_ = mark.counters;
  passed_ = mark.passed;
  newest_ = mark.newest;
  added_.resize(mark.added);
}

std::vector<StoredEvent> Outbox::take() {
  written_ = counters_;
  passed_written_ = passed_;
  return std::exchange(added_, {});
}

std::vector<StoredEvent> Outbox::fetch(Stream stream, std::uint64_t after, std::size_t max_rows) {
  std::vector<StoredEvent> events;
  auto query = db_.query(
      "SELECT o.seq, o.type, o.subject, o.data, "
      "CASE WHEN abs(o.mono_ms + b.offset_ms - o.wall_ms) > ? THEN o.mono_ms + b.offset_ms ELSE o.wall_ms END "
      "FROM outbox o LEFT JOIN boot b ON b.seq = o.boot WHERE o.stream = ? AND o.seq > ? ORDER BY o.seq LIMIT ?");
  query.bind(kClockRightMs, number(stream), after, max_rows);
  while (query.next())
    events.push_back({{stream, query.text(1), query.text(2), query.text(3)},
                      static_cast<std::uint64_t>(query.integer(0)),
                      from_unix_ms(query.integer(4))});
  return events;
}

void Outbox::remove_upto(Stream stream, std::uint64_t upto) {
  auto& at = counter(stream);
  {
    auto sum = db_.query(
        "SELECT count(*), ifnull(sum(length(CAST(type AS BLOB)) + length(CAST(subject AS BLOB)) + "
        "length(CAST(data AS BLOB))), 0) FROM outbox WHERE stream = ? AND seq <= ?");
    sum.bind(number(stream), upto);
    if (sum.next()) {
      at.rows -= std::min(at.rows, static_cast<std::uint64_t>(sum.integer(0)));
      at.bytes -= std::min(at.bytes, static_cast<std::uint64_t>(sum.integer(1)));
    }
  }
  db_.query("DELETE FROM outbox WHERE stream = ? AND seq <= ?").bind(number(stream), upto).run();
  at.gone = std::max(at.gone, upto);
}

void Outbox::forget(Stream stream, std::uint64_t upto) {
  upto = std::min(upto, counter(stream).last_seq);
  if (upto > counter(stream).gone) remove_upto(stream, upto);
}

std::map<Stream, StreamState> Outbox::states() {
  std::map<Stream, StreamState> states;
  for (const auto stream : kStreams) {
    const auto& at = counter(stream);
    auto& state = states[stream];
    state = {at.last_seq, at.gone, at.rows, at.bytes, std::nullopt};
    auto oldest = db_.query("SELECT wall_ms FROM outbox WHERE stream = ? ORDER BY seq LIMIT 1");
    oldest.bind(number(stream));
    if (oldest.next()) state.oldest = from_unix_ms(oldest.integer(0));
  }
  return states;
}

void Outbox::blank(const std::vector<std::string>& names) {
  const auto list = dump(Json(names));
  for (const auto stream : kStreams)
    if (const auto& at = counter(stream); at.rows > 0)
      db_.query("INSERT INTO erasure (names, stream, seq, upto) VALUES (?,?,?,?)")
          .bind(list, number(stream), at.gone, at.last_seq)
          .run();
  blank_some();
}

void Outbox::blank_range(Stream stream, std::uint64_t after, std::uint64_t upto, const std::string& names) {
  std::int64_t bytes = 0;
  {
    auto sum = db_.query(
        "SELECT ifnull(sum(length(CAST(subject AS BLOB))), 0) FROM outbox WHERE stream = ? AND seq > ? AND seq <= ? "
        "AND type != 'consent.withdrawn' AND subject IN (SELECT value FROM json_each(?))");
    sum.bind(number(stream), after, upto, names);
    if (sum.next()) bytes = sum.integer(0);
  }
  if (bytes == 0) return;
  db_.query(
         "UPDATE outbox SET subject = '' WHERE stream = ? AND seq > ? AND seq <= ? AND type != 'consent.withdrawn' "
         "AND subject IN (SELECT value FROM json_each(?))")
      .bind(number(stream), after, upto, names)
      .run();
  auto& at = counter(stream);
  at.bytes -= std::min(at.bytes, static_cast<std::uint64_t>(bytes));
}

std::optional<Outbox::Erasure> Outbox::next_erasure() {
  auto query = db_.query("SELECT id, stream, seq, upto, names FROM erasure ORDER BY id LIMIT 1");
  if (!query.next()) return std::nullopt;
  const auto count = [&](int column) { return static_cast<std::uint64_t>(query.integer(column)); };
  const auto names = Json::parse(query.text(4), nullptr, false);
  return Erasure{query.integer(0), static_cast<Stream>(query.integer(1)), count(2), count(3),
                 dump(names.is_array() ? names : Json::array())};
}

void Outbox::blank_some() {
  for (std::uint64_t left = kBlankRows; left > 0;) {
    const auto one = next_erasure();
    blanking_ = one.has_value();
    if (!one) return;
    const auto from = std::min(std::max(one->seq, counter(one->stream).gone), one->upto);
    const auto here = std::min(one->upto, from + left);
    blank_range(one->stream, from, here, one->names);
    if (here == one->upto)
      db_.query("DELETE FROM erasure WHERE id = ?").bind(one->id).run();
    else
      db_.query("UPDATE erasure SET seq = ? WHERE id = ?").bind(here, one->id).run();
    left -= std::max<std::uint64_t>(here - from, 1);
  }
}

/// nullopt: the row is damaged, and nobody can tell any more what it told.
std::optional<Outbox::Gap> Outbox::read_gap(const std::string& data) {
  const auto json = Json::parse(data, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  for (const auto* key : {"first", "last", "count"})
    if (!json.contains(key) || !json[key].is_number_unsigned()) return std::nullopt;
  for (const auto* key : {"stream", "reason"})
    if (!json.contains(key) || !json[key].is_string()) return std::nullopt;
  const auto epoch = json.find("epoch");
  return Gap{json["stream"], json["first"],
             json["last"],   json["count"],
             json["reason"], epoch != json.end() && epoch->is_string() ? epoch->get<std::string>() : ""};
}

std::vector<Outbox::Gap> Outbox::gaps_upto(Stream stream, std::uint64_t upto) {
  std::vector<Gap> gaps;
  auto query = db_.query("SELECT data FROM outbox WHERE stream = ? AND seq <= ? AND type = 'outbox.gap' ORDER BY seq");
  query.bind(number(stream), upto);
  while (query.next()) {
    if (auto gap = read_gap(query.text(0))) gaps.push_back(std::move(*gap));
  }
  return gaps;
}

std::array<std::uint64_t, kStreams.size()> Outbox::last_seqs() const {
  std::array<std::uint64_t, kStreams.size()> last{};
  std::ranges::transform(counters_, last.begin(), [](const Counter& at) { return at.last_seq; });
  return last;
}

std::uint64_t Outbox::drop_oldest(Stream stream, std::uint64_t rows, std::string_view reason, WallTime wall,
                                  MonoTime mono) {
  Gap gap{std::string(to_string(stream)), 0, 0, 0, std::string(reason), ""};
  {
    auto query = db_.query(
        "SELECT min(seq), max(seq), count(*) FROM (SELECT seq FROM outbox WHERE stream = ? ORDER BY seq LIMIT ?)");
    query.bind(number(stream), rows);
    if (!query.next() || query.integer(2) == 0) return 0;
    gap.first = static_cast<std::uint64_t>(query.integer(0));
    gap.last = static_cast<std::uint64_t>(query.integer(1));
    gap.count = static_cast<std::uint64_t>(query.integer(2));
  }
  const auto dropped = gap.count;
  auto gaps = gaps_upto(stream, gap.last);
  remove_upto(stream, gap.last);
  gaps.push_back(std::move(gap));
  // Runs that touch become one, so that telling gaps again and again does not itself fill the disk.
  std::ranges::stable_sort(gaps, {}, [](const Gap& g) { return std::tuple(g.epoch, g.stream, g.first); });
  std::vector<Gap> joined;
  for (auto& next : gaps) {
    if (!joined.empty() && joined.back().epoch == next.epoch && joined.back().stream == next.stream &&
        joined.back().last + 1 == next.first) {
      joined.back().last = next.last;
      joined.back().count += next.count;
    } else {
      joined.push_back(std::move(next));
    }
  }
  for (const auto& g : joined) tell(g, wall, mono);
  return dropped;
}

void Outbox::tell(const Gap& gap, WallTime wall, MonoTime mono) {
  Json data{
      {"stream", gap.stream}, {"first", gap.first}, {"last", gap.last}, {"count", gap.count}, {"reason", gap.reason}};
  if (!gap.epoch.empty()) data["epoch"] = gap.epoch;
  add({Stream::health, "outbox.gap", "", dump(data)}, wall, mono);
}

void Outbox::pass_over(Stream stream, std::uint64_t rows, std::string_view reason, WallTime wall, MonoTime mono) {
  auto& passed = passed_[index(stream)];
  if (passed.first != 0 && passed.last != counter(stream).last_seq) tell_passed(stream, reason, wall, mono);
  auto& last = counter(stream).last_seq;
  if (passed.first == 0) passed.first = last + 1;
  last += rows;
  passed.last = last;
}

void Outbox::tell_passed(Stream stream, std::string_view reason, WallTime wall, MonoTime mono) {
  const auto passed = std::exchange(passed_[index(stream)], {});
  if (passed.first == 0) return;
  tell({std::string(to_string(stream)), passed.first, passed.last, passed.last - passed.first + 1, std::string(reason),
        ""},
       wall, mono);
}

void Outbox::tell_passed(std::string_view reason, WallTime wall, MonoTime mono) {
  for (const auto stream : kStreams) tell_passed(stream, reason, wall, mono);
}

void Outbox::load_passed() {
  passed_ = {};
  for (const auto stream : kStreams) {
    auto query = db_.query("SELECT value ->> 0, value ->> 1 FROM meta WHERE key = ? AND json_valid(value)");
    query.bind(passed_key(stream));
    if (query.next())
      passed_[index(stream)] = {static_cast<std::uint64_t>(query.integer(0)),
                                static_cast<std::uint64_t>(query.integer(1))};
  }
  passed_written_ = passed_;
}

void Outbox::write_passed(Stream stream) {
  const auto& passed = passed_[index(stream)];
  if (passed == passed_written_[index(stream)]) return;
  if (passed.first == 0)
    db_.query("DELETE FROM meta WHERE key = ?").bind(passed_key(stream)).run();
  else
    db_.query("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(passed_key(stream), fmt::format("[{},{}]", passed.first, passed.last))
        .run();
}

}  // namespace foyer::ledger
