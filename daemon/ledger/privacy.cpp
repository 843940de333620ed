#include "ledger/privacy.hpp"

#include "ledger/coupons.hpp"
#include "ledger/sessions.hpp"

namespace foyer::ledger {
namespace {

Bytes keyed(const Settings& settings, std::string_view domain, const std::string& subject) {
  const auto digest = hmac_sha256(settings.holdout_key, as_bytes(fmt::format("{}:{}", domain, subject)));
  return Bytes(digest.begin(), digest.begin() + 16);
}

/// Ends without a word of whose they were.
void end_sessions(Context& context, const std::string& subject) {
  std::vector<std::string> ids;
  {
    auto query = context.db.query("SELECT id FROM session WHERE subject = ?");
    query.bind(subject);
    while (query.next()) ids.push_back(query.text(0));
  }
  context.db.query("UPDATE session SET subject = '' WHERE subject = ?").bind(subject).run();
  for (const auto& id : ids) end_session(context, {id, "erased", 0, 0});
}

Json consents_of(Db& db, const Settings& settings, const std::string& subject) {
  auto all = Json::array();
  auto query = db.query("SELECT at_ms, given, terms_hash FROM consent_record WHERE who = ? ORDER BY at_ms, given DESC");
  query.bind(consented_as(settings, subject));
  while (query.next())
    all.push_back({{"at", to_rfc3339(from_unix_ms(query.integer(0)))},
                   {"given", query.integer(1) != 0},
                   {"terms_hash", query.text(2)}});
  return all;
}

Json uses_of(Db& db, const std::string& coupon) {
  auto all = Json::array();
  auto query =
      db.query("SELECT at_ms, store, check_no, minor, currency, ended FROM redemption WHERE coupon = ? ORDER BY n");
  query.bind(coupon);
  while (query.next()) {
    Json one{{"at", to_rfc3339(from_unix_ms(query.integer(0)))}, {"store", query.text(1)}, {"check_no", query.text(2)}};
    if (const Money amount{query.integer(3), query.text(4)}; !amount.currency.empty())
      one.update({{"amount", format_amount(amount)}, {"currency", amount.currency}});
    if (!query.text(5).empty()) one["voided"] = query.text(5);
    all.push_back(std::move(one));
  }
  return all;
}

Json coupons_json(Db& db, const std::string& subject) {
  auto all = Json::array();
  for (const auto& coupon : coupons_of(db, subject)) {
    Json one{{"id", coupon.id},
             {"code", coupon.code},
             {"campaign", coupon.campaign},
             {"prize", coupon.prize},
             {"state", campaign::to_string(coupon.state)},
             {"issued_at", to_rfc3339(coupon.issued_at)},
             {"expires_at", to_rfc3339(coupon.expires_at)},
             {"uses_left", coupon.uses_left},
             {"uses", uses_of(db, coupon.id)}};
    one.update(value_of(coupon.benefit));
    all.push_back(std::move(one));
  }
  return all;
}

Json draws_json(Db& db, const std::string& subject) {
  auto all = Json::array();
  auto query = db.query("SELECT at_ms, answer FROM draw WHERE subject = ? ORDER BY at_ms");
  query.bind(subject);
  while (query.next()) {
    auto one = Json::parse(query.text(1));
    one["at"] = to_rfc3339(from_unix_ms(query.integer(0)));
    all.push_back(std::move(one));
  }
  return all;
}

Json sessions_json(Db& db, const std::string& subject) {
  auto all = Json::array();
  auto query = db.query("SELECT id, kind, zone, since_ms, until_ms FROM session WHERE subject = ?");
  query.bind(subject);
  while (query.next())
    all.push_back({{"session", query.text(0)},
                   {"kind", query.text(1)},
                   {"zone", query.text(2)},
                   {"since", to_rfc3339(from_unix_ms(query.integer(3)))},
                   {"until", to_rfc3339(from_unix_ms(query.integer(4)))}});
  return all;
}

Json sales_json(Db& db, const std::string& subject) {
  auto all = Json::array();
  auto query =
      db.query("SELECT id, at_ms, store, check_no, minor, currency, ended FROM sale WHERE subject = ? ORDER BY id");
  query.bind(subject);
  while (query.next()) {
    const Money amount{query.integer(4), query.text(5)};
    Json one{{"sale", query.text(0)},           {"at", to_rfc3339(from_unix_ms(query.integer(1)))},
             {"store", query.text(2)},          {"check_no", query.text(3)},
             {"amount", format_amount(amount)}, {"currency", amount.currency}};
    if (!query.text(6).empty()) one["voided"] = query.text(6);
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

Bytes consented_as(const Settings& settings, const std::string& subject) { return keyed(settings, "consent", subject); }

void record_consent(Context& context, const std::string& subject, bool given, const std::string& terms_hash) {
  context.db.query("INSERT OR REPLACE INTO consent_record (who, at_ms, given, terms_hash) VALUES (?,?,?,?)")
      .bind(consented_as(context.settings, subject), unix_ms(context.now), given ? 1 : 0, terms_hash)
      .run();
}

void erase(Context& context, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (name.empty()) continue;
    end_sessions(context, name);
    context.db.query("UPDATE sale SET subject = '' WHERE subject = ?").bind(name).run();
    withdraw_consent(context, name);
  }
}

std::string export_of(Db& db, const Settings& settings, WallTime now, const std::vector<std::string>& names) {
  Json out{{"exported_at", to_rfc3339(now)}, {"subjects", Json::array()}};
  for (const auto& name : names) {
    if (name.empty()) continue;
    Json one{{"subject", name},
             {"consents", consents_of(db, settings, name)},
             {"sessions", sessions_json(db, name)},
             {"draws", draws_json(db, name)},
             {"coupons", coupons_json(db, name)},
             {"sales", sales_json(db, name)}};
    const auto empty = [&](const char* part) { return one.at(part).empty(); };
    if (empty("consents") && empty("sessions") && empty("draws") && empty("coupons") && empty("sales")) continue;
    out["subjects"].push_back(std::move(one));
  }
  return dump(out);
}

void record_prize(Context& context, const std::string& nonce_hash, const std::string& subject,
                  const campaign::Campaign& campaign, const std::string& prize, std::int64_t minor) {
  std::string odds;
  for (const auto& one : campaign.prizes) odds += fmt::format("{}={}\n", one.id, one.weight);
  const auto version = sha256(as_bytes(odds));
  const auto second = static_cast<std::uint32_t>(unix_ms(context.now) / 1000);
  context.db.query("INSERT OR IGNORE INTO prize_record (id, who, campaign, prize, odds, minor) VALUES (?,?,?,?,?,?)")
      .bind(fmt::format("{:08x}{}", second, nonce_hash), keyed(context.settings, "prize", subject), campaign.id, prize,
            ByteView(version).first(8), minor)
      .run();
}

void forget_old(Context& context, std::size_t most) {
  auto& db = context.db;
  const auto& keep = context.settings.keep;
  const auto before = [&](std::chrono::seconds kept) { return unix_ms(context.now - kept); };
  // Ids begin with the second, so the oldest are the first.
  const auto id_before = [&](std::chrono::seconds kept) {
    return fmt::format("{:08x}", static_cast<std::uint32_t>(std::max<std::int64_t>(before(kept) / 1000, 0)));
  };
  db.query(
        "DELETE FROM redemption WHERE coupon IN (SELECT id FROM coupon WHERE id < ?1 AND expires_ms < ?2 AND "
        "state NOT IN ('issued', 'reserved') ORDER BY id LIMIT ?3)")
      .bind(id_before(keep.coupons), before(keep.coupons), most)
      .run();
  db.query(
        "DELETE FROM coupon WHERE id IN (SELECT id FROM coupon WHERE id < ?1 AND expires_ms < ?2 AND "
        "state NOT IN ('issued', 'reserved') ORDER BY id LIMIT ?3)")
      .bind(id_before(keep.coupons), before(keep.coupons), most)
      .run();
  db.query("DELETE FROM sale WHERE id IN (SELECT id FROM sale WHERE id < ? ORDER BY id LIMIT ?)")
      .bind(id_before(keep.sales), most)
      .run();
  db.query("DELETE FROM prize_record WHERE id IN (SELECT id FROM prize_record WHERE id < ? ORDER BY id LIMIT ?)")
      .bind(id_before(keep.prizes), most)
      .run();
  db.query(
        "DELETE FROM consent_record WHERE (who, at_ms, given) IN "
        "(SELECT who, at_ms, given FROM consent_record WHERE at_ms < ? ORDER BY at_ms LIMIT ?)")
      .bind(before(keep.consents), most)
      .run();
}

}  // namespace foyer::ledger
