#include "ledger/sessions.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "ledger/audience.hpp"
#include "ledger/offers.hpp"

#include "ledger/privacy.hpp"

namespace foyer::ledger {
namespace {

using campaign::AdmitAnswer;
using campaign::AdmitCommand;
using campaign::Reason;

constexpr std::string_view kById =
    "SELECT id, subject, device, pair, way, kind, zone, evidence, since_ms, until_ms, bytes_up, bytes_down "
    "FROM session WHERE id = ?";
constexpr std::string_view kByPair =
    "SELECT id, subject, device, pair, way, kind, zone, evidence, since_ms, until_ms, bytes_up, bytes_down "
    "FROM session WHERE pair = ?";
constexpr std::string_view kOpen =
    "SELECT id, subject, device, pair, way, kind, zone, evidence, since_ms, until_ms, bytes_up, bytes_down "
    "FROM session WHERE until_ms > ? ORDER BY id";

Session read(const Query& query) {
  return {query.text(0),
          query.text(1),
          query.text(2),
          query.text(3),
          static_cast<Way>(query.integer(4)),
          query.text(5),
          query.text(6),
          static_cast<int>(query.integer(7)),
          from_unix_ms(query.integer(8)),
          from_unix_ms(query.integer(9)),
          static_cast<std::uint64_t>(query.integer(10)),
          static_cast<std::uint64_t>(query.integer(11))};
}

std::optional<Session> read_one(Query query, const std::string& key) {
  query.bind(key);
  if (!query.next()) return std::nullopt;
  return read(query);
}

struct TokenUse {
  WallTime at;
  std::string session;
};

std::optional<TokenUse> token_use(Context& context, const AdmitCommand& command) {
  if (command.token_hash.empty()) return std::nullopt;
  auto query = context.db.query("SELECT at_ms, session FROM token_use WHERE token_hash = ? AND device = ?");
  query.bind(command.token_hash, command.session.device);
  if (!query.next()) return std::nullopt;
  return TokenUse{from_unix_ms(query.integer(0)), query.text(1)};
}

/// Under every name the device has: a new key of names in the middle of a day gives nobody a new day.
std::uint32_t admissions_today(Context& context, const AdmitCommand& command) {
  std::set<std::string> names(command.known_devices.begin(), command.known_devices.end());
  names.insert(command.session.device);
  std::uint32_t count = 0;
  for (const auto& name : names) {
    auto query = context.db.query("SELECT count FROM admission WHERE day = ? AND device = ?");
    query.bind(context.today(), name);
    if (query.next()) count += static_cast<std::uint32_t>(query.integer(0));
  }
  return count;
}

void count_admission(Context& context, const AdmitCommand& command, const std::string& session) {
  context.db
      .query(
          "INSERT INTO admission (day, device, count) VALUES (?,?,1) "
          "ON CONFLICT (day, device) DO UPDATE SET count = count + 1")
      .bind(context.today(), command.session.device)
      .run();
  if (command.token_hash.empty()) return;
  context.db
      .query(
          "INSERT INTO token_use (token_hash, device, at_ms, session) VALUES (?,?,?,?) "
          "ON CONFLICT (token_hash, device) DO UPDATE SET at_ms = excluded.at_ms, session = excluded.session")
      .bind(command.token_hash, command.session.device, unix_ms(context.now), session)
      .run();
}

void close_session(Context& context, const Session& session, const std::string& reason, std::uint64_t up,
                   std::uint64_t down) {
  context.db.query("DELETE FROM session WHERE id = ?").bind(session.id).run();
  // The wall clock may have been set meanwhile: a session is never longer than it was allowed to be, never negative.
  const auto ended = std::clamp(context.now, session.since, std::max(session.since, session.until));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ended - session.since).count();
  context.emit(Stream::ledger, "wifi.ended", session.subject,
               {{"session", session.id},
                {"way", to_string(session.way)},
                {"kind", session.kind},
                {"seconds", seconds},
                {"bytes_up", std::max(up, session.bytes_up)},
                {"bytes_down", std::max(down, session.bytes_down)},
                {"reason", reason}});
}

Session extended(Context& context, Session session, const Session& wanted) {
  session.until = std::max(session.until, wanted.until);
  session.evidence = std::max(session.evidence, wanted.evidence);
  if (!wanted.zone.empty()) session.zone = wanted.zone;
  context.db.query("UPDATE session SET until_ms = ?, evidence = ?, zone = ? WHERE id = ?")
      .bind(unix_ms(session.until), session.evidence, session.zone, session.id)
      .run();
  return session;
}

void insert(Context& context, const Session& session) {
  context.db
      .query(
          "INSERT INTO session (id, subject, device, pair, way, kind, zone, evidence, since_ms, until_ms) "
          "VALUES (?,?,?,?,?,?,?,?,?,?)")
      .bind(session.id, session.subject, session.device, session.pair, static_cast<int>(session.way), session.kind,
            session.zone, session.evidence, unix_ms(session.since), unix_ms(session.until))
      .run();
}

/// The session the same device got for the same token, where asking again is asking the same thing.
std::optional<Session> same_again(Context& context, const AdmitCommand& command, const TokenUse& use) {
  const bool within = std::chrono::abs(context.now - use.at) < command.cooldown;
  if (!within && !command.single_use) return std::nullopt;
  auto session = read_one(context.db.query(kById), use.session);
  if (!session || session->until <= context.now || session->pair != command.session.pair) return std::nullopt;
  return session;
}

bool used_by_anyone(Context& context, const std::string& token_hash) {
  auto query = context.db.query("SELECT 1 FROM token_use WHERE token_hash = ? LIMIT 1");
  query.bind(token_hash);
  return query.next();
}

std::optional<Reason> refused(Context& context, const AdmitCommand& command, const std::optional<TokenUse>& use) {
  if (use && command.single_use) return Reason::already_redeemed;
  if (command.once && !use && used_by_anyone(context, command.token_hash)) return Reason::already_redeemed;
  if (command.per_device_per_day != 0 && admissions_today(context, command) >= command.per_device_per_day)
    return Reason::rate_limited;
  return std::nullopt;
}

/// Coming in is a happening of trigger wifi, a scanned or typed token one of qr.
void add_offers(Context& context, const AdmitCommand& command, bool fresh, AdmitAnswer& answer) {
  const auto& session = answer.session;
  campaign::TriggerCommand happening;
  happening.shopper = {session.subject, std::max(command.presence, session.evidence),
                       command.near.empty() ? session.zone : command.near, false};
  happening.known_as = command.known_as;
  happening.terms = command.terms;
  const auto take = [&](campaign::Trigger trigger, std::string instance) {
    happening.trigger = trigger;
    happening.instance = std::move(instance);
    auto brought = happen(context, happening);
    std::ranges::move(brought.offers, std::back_inserter(answer.offers));
    std::ranges::move(brought.refused, std::back_inserter(answer.passed_over));
  };
  if (fresh) take(campaign::Trigger::wifi, "wifi|" + session.id);
  if (!command.token_hash.empty())
    take(campaign::Trigger::qr, fmt::format("qr|{}|{}|{}", command.token_hash, session.id, unix_ms(context.now)));
}

}  // namespace

AdmitAnswer admit(Context& context, const AdmitCommand& command) {
  const auto use = token_use(context, command);
  if (use)
    if (auto session = same_again(context, command, *use)) return {std::move(*session), true, std::nullopt};
  if (auto reason = refused(context, command, use)) return {command.session, false, reason};

  if (command.consent) give_consent(context, command.session.subject, command.terms_hash);
  auto known = read_one(context.db.query(kByPair), command.session.pair);
  if (known && (known->until <= context.now || known->subject != command.session.subject)) {
    const bool over = known->until <= context.now;
    close_session(context, *known, over ? "expired" : "replaced", 0, 0);
    known.reset();
  }
  Session session = known ? extended(context, std::move(*known), command.session) : command.session;
  if (!known) insert(context, session);
  count_admission(context, command, session.id);
  Json data{{"session", session.id}, {"way", to_string(command.session.way)}, {"kind", command.session.kind}};
  if (known) data["extended"] = true;
  context.emit(Stream::ledger, "wifi.admitted", session.subject, data);
  const auto names = names_of(context.settings, session.subject, command.known_as);
  note_visit(context, session.subject, names);
  context.tally.add(campaign::Stage::present, "", session.zone, names.front());
  AdmitAnswer answer{std::move(session), false, std::nullopt};
  add_offers(context, command, !known, answer);
  return answer;
}

void end_session(Context& context, const campaign::SessionEnd& end) {
  if (auto session = read_one(context.db.query(kById), end.session))
    close_session(context, *session, end.reason, end.bytes_up, end.bytes_down);
}

void count_sessions(Context& context, const std::vector<campaign::SessionBytes>& counted) {
  for (const auto& [session, up, down] : counted)
    context.db.query("UPDATE session SET bytes_up = ?, bytes_down = ? WHERE id = ?")
        .bind(static_cast<std::int64_t>(up), static_cast<std::int64_t>(down), session)
        .run();
}

std::optional<Session> carry_session(Context& context, const std::string& id, const std::string& pair) {
  auto session = read_one(context.db.query(kById), id);
  if (!session || session->until <= context.now) return std::nullopt;
  if (session->pair == pair) return session;
  if (const auto there = read_one(context.db.query(kByPair), pair)) close_session(context, *there, "replaced", 0, 0);
  session->pair = pair;
  // Who was vouched for stays that: it may not vouch for others.
  if (session->way != Way::pair) session->way = Way::pass;
  context.db.query("UPDATE session SET pair = ?, way = ? WHERE id = ?")
      .bind(pair, static_cast<int>(session->way), id)
      .run();
  context.emit(Stream::ledger, "wifi.admitted", session->subject,
               {{"session", id}, {"way", to_string(Way::pass)}, {"kind", session->kind}, {"extended", true}});
  return session;
}

std::vector<Session> open_sessions(Db& db, WallTime now) {
  std::vector<Session> sessions;
  auto query = db.query(kOpen);
  query.bind(unix_ms(now));
  while (query.next()) sessions.push_back(read(query));
  return sessions;
}

std::optional<std::string> consent_of(Db& db, const std::string& subject) {
  auto query = db.query("SELECT terms_hash FROM consent WHERE subject = ?");
  query.bind(subject);
  if (!query.next()) return std::nullopt;
  return query.text(0);
}

void give_consent(Context& context, const std::string& subject, const std::string& terms_hash) {
  if (consent_of(context.db, subject) == terms_hash) return;
  context.db
      .query(
          "INSERT INTO consent (subject, terms_hash, given_ms) VALUES (?,?,?) "
          "ON CONFLICT (subject) DO UPDATE SET terms_hash = excluded.terms_hash, given_ms = excluded.given_ms")
      .bind(subject, terms_hash, unix_ms(context.now))
      .run();
  context.consents.forget(subject);
  record_consent(context, subject, true, terms_hash);
  context.emit(Stream::ledger, "consent.given", subject, {{"terms_hash", terms_hash}});
}

}  // namespace foyer::ledger
