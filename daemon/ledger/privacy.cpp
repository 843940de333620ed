#include "ledger/privacy.hpp"

#include "ledger/audience.hpp"
#include "ledger/broom.hpp"
#include "ledger/coupons.hpp"
#include "ledger/offers.hpp"
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

std::vector<std::string> named(std::vector<std::string> names) {
  std::erase(names, std::string());
  return names;
}

/// Those under which anything is stored. What is only in the outbox came with one of these rows.
std::vector<std::string> names_known(Db& db, std::vector<std::string> names) {
  const auto known = [&](const std::string& name) {
    auto query = db.query(
        "SELECT 1 FROM consent WHERE subject = ?1 UNION ALL SELECT 1 FROM session WHERE subject = ?1 UNION ALL "
        "SELECT 1 FROM visit WHERE subject = ?1 UNION ALL SELECT 1 FROM segment WHERE subject = ?1 UNION ALL "
        "SELECT 1 FROM offer WHERE subject = ?1 UNION ALL "
        "SELECT 1 FROM draw WHERE subject = ?1 AND subject != '' UNION ALL "
        "SELECT 1 FROM coupon WHERE subject = ?1 AND subject != '' UNION ALL "
        "SELECT 1 FROM sale WHERE subject = ?1 AND subject != '' LIMIT 1");
    query.bind(name);
    return query.next();
  };
  std::erase_if(names, [&](const auto& name) { return name.empty() || !known(name); });
  return names;
}

/// Takes these names out of every row but one each: the word that they were taken back, so that those upstream erase,
/// too; it goes once they have it.
void forget(Context& context, const std::vector<std::string>& names) {
  if (names.empty()) return;
  for (const auto& name : names) {
    if (const auto agreed = consent_of(context.db, name)) record_consent(context, name, false, *agreed);
    context.consents.forget(name);
    forget_audience(context, name);
    forget_offers(context, name);
    for (const auto* sql :
         {"DELETE FROM consent WHERE subject = ?", "UPDATE coupon SET subject = '' WHERE subject = ? AND subject != ''",
          "UPDATE draw SET subject = '' WHERE subject = ? AND subject != ''",
          "UPDATE sale SET subject = '' WHERE subject = ? AND subject != ''"})
      context.db.query(sql).bind(name).run();
  }
  context.outbox.blank(names);
  for (const auto& name : names) context.emit(Stream::ledger, "consent.withdrawn", name, Json::object());
}

std::string time_text(std::int64_t ms) { return to_rfc3339(from_unix_ms(ms)); }

std::string day_text(std::int64_t days) {
  return to_rfc3339(WallTime(std::chrono::sys_days(std::chrono::days(days)))).substr(0, 10);
}

/// What `one` makes of each row.
template <class One>
Json list(Query& query, One one) {
  auto all = Json::array();
  while (query.next()) all.push_back(one(query));
  return all;
}

Json consents_of(Db& db, const Settings& settings, const std::string& subject) {
  auto query = db.query("SELECT at_ms, given, terms_hash FROM consent_record WHERE who = ? ORDER BY at_ms, given DESC");
  query.bind(consented_as(settings, subject));
  return list(query, [](const Query& row) -> Json {
    return {{"at", time_text(row.integer(0))}, {"given", row.integer(1) != 0}, {"terms_hash", row.text(2)}};
  });
}

Json uses_of(Db& db, const std::string& coupon) {
  auto query =
      db.query("SELECT at_ms, store, check_no, minor, currency, ended FROM redemption WHERE coupon = ? ORDER BY n");
  query.bind(coupon);
  return list(query, [](const Query& row) {
    Json one{{"at", time_text(row.integer(0))}, {"store", row.text(1)}, {"check_no", row.text(2)}};
    if (const Money amount{row.integer(3), row.text(4)}; !amount.currency.empty())
      one.update({{"amount", format_amount(amount)}, {"currency", amount.currency}});
    if (!row.text(5).empty()) one["voided"] = row.text(5);
    return one;
  });
}

Json coupons_json(Db& db, const Settings&, const std::string& subject) {
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

Json draws_json(Db& db, const Settings&, const std::string& subject) {
  auto query = db.query("SELECT at_ms, answer FROM draw WHERE subject = ? AND subject != '' ORDER BY at_ms");
  query.bind(subject);
  return list(query, [](const Query& row) {
    auto one = Json::parse(row.text(1));
    one["at"] = time_text(row.integer(0));
    return one;
  });
}

Json offers_json(Db& db, const Settings&, const std::string& subject) {
  auto query = db.query("SELECT at_ms, trigger_name, zone, answer FROM offer WHERE subject = ? ORDER BY seq");
  query.bind(subject);
  return list(query, [](const Query& row) {
    auto one = Json::parse(row.text(3));
    one.update({{"at", time_text(row.integer(0))}, {"trigger", row.text(1)}, {"zone", row.text(2)}});
    return one;
  });
}

Json visits_json(Db& db, const Settings&, const std::string& subject) {
  auto query = db.query("SELECT first_day, last_day FROM visit WHERE subject = ?");
  query.bind(subject);
  return list(query, [](const Query& row) -> Json {
    return {{"first_day", day_text(row.integer(0))}, {"last_day", day_text(row.integer(1))}};
  });
}

Json segments_json(Db& db, const Settings&, const std::string& subject) {
  auto query = db.query("SELECT name FROM segment WHERE subject = ? ORDER BY name");
  query.bind(subject);
  return list(query, [](const Query& row) -> Json { return row.text(0); });
}

Json sessions_json(Db& db, const Settings&, const std::string& subject) {
  auto query = db.query("SELECT id, kind, zone, since_ms, until_ms FROM session WHERE subject = ?");
  query.bind(subject);
  return list(query, [](const Query& row) -> Json {
    return {{"session", row.text(0)},
            {"kind", row.text(1)},
            {"zone", row.text(2)},
            {"since", time_text(row.integer(3))},
            {"until", time_text(row.integer(4))}};
  });
}

Json sales_json(Db& db, const Settings&, const std::string& subject) {
  auto query = db.query(
      "SELECT id, at_ms, store, check_no, minor, currency, ended FROM sale WHERE subject = ? AND subject != '' "
      "ORDER BY id");
  query.bind(subject);
  return list(query, [](const Query& row) {
    const Money amount{row.integer(4), row.text(5)};
    Json one{{"sale", row.text(0)},     {"at", time_text(row.integer(1))}, {"store", row.text(2)},
             {"check_no", row.text(3)}, {"amount", format_amount(amount)}, {"currency", amount.currency}};
    if (!row.text(6).empty()) one["voided"] = row.text(6);
    return one;
  });
}

/// Everything that is stored under a name has its part here.
constexpr std::pair<const char*, Json (*)(Db&, const Settings&, const std::string&)> kParts[] = {
    {"consents", consents_of}, {"sessions", sessions_json}, {"visits", visits_json},   {"segments", segments_json},
    {"draws", draws_json},     {"offers", offers_json},     {"coupons", coupons_json}, {"sales", sales_json}};

}  // namespace

Bytes consented_as(const Settings& settings, const std::string& subject) { return keyed(settings, "consent", subject); }

void record_consent(Context& context, const std::string& subject, bool given, const std::string& terms_hash) {
  const auto who = consented_as(context.settings, subject);
  context.db.query("INSERT OR REPLACE INTO consent_record (who, at_ms, given, terms_hash) VALUES (?,?,?,?)")
      .bind(who, unix_ms(context.now), given ? 1 : 0, terms_hash)
      .run();
  context.db
      .query(
          "DELETE FROM consent_record WHERE who = ?1 AND (at_ms, given) NOT IN "
          "(SELECT at_ms, given FROM consent_record WHERE who = ?1 ORDER BY at_ms DESC LIMIT ?2)")
      .bind(who, kMostConsentRecords)
      .run();
}

void withdraw_consent(Context& context, const std::vector<std::string>& names) {
  forget(context, names_known(context.db, names));
}

void erase(Context& context, const std::vector<std::string>& names, bool also_unknown) {
  const auto concerned = also_unknown ? named(names) : names_known(context.db, names);
  for (const auto& name : concerned) end_sessions(context, name);
  forget(context, concerned);
}

std::string export_of(Db& db, const Settings& settings, WallTime now, const std::vector<std::string>& names) {
  Json out{{"exported_at", to_rfc3339(now)}, {"subjects", Json::array()}};
  for (const auto& name : names) {
    if (name.empty()) continue;
    Json one{{"subject", name}};
    bool anything = false;
    for (const auto& [part, of] : kParts) {
      one[part] = of(db, settings, name);
      anything = anything || !one[part].empty();
    }
    if (anything) out["subjects"].push_back(std::move(one));
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

void forget_old(Context& context, Broom& broom) {
  const auto& keep = context.settings.keep;
  const auto before = [&](std::chrono::seconds kept) { return unix_ms(context.now - kept); };
  // Ids begin with the second, so the oldest are the first.
  const auto id_before = [&](std::chrono::seconds kept) {
    return fmt::format("{:08x}", static_cast<std::uint32_t>(std::max<std::int64_t>(before(kept) / 1000, 0)));
  };
  for (const auto* over : {"DELETE FROM redemption WHERE coupon IN (SELECT id FROM coupon WHERE id < ? AND "
                           "expires_ms < ? AND state NOT IN ('issued', 'reserved') ORDER BY id LIMIT ?)",
                           "DELETE FROM coupon WHERE id IN (SELECT id FROM coupon WHERE id < ? AND "
                           "expires_ms < ? AND state NOT IN ('issued', 'reserved') ORDER BY id LIMIT ?)"})
    broom.sweep(over, id_before(keep.coupons), before(keep.coupons));
  broom.sweep("DELETE FROM sale WHERE id IN (SELECT id FROM sale WHERE id < ? ORDER BY id LIMIT ?)",
              id_before(keep.sales));
  broom.sweep("DELETE FROM prize_record WHERE id IN (SELECT id FROM prize_record WHERE id < ? ORDER BY id LIMIT ?)",
              id_before(keep.prizes));
  broom.sweep(
      "DELETE FROM consent_record WHERE (who, at_ms, given) IN "
      "(SELECT who, at_ms, given FROM consent_record WHERE at_ms < ? ORDER BY at_ms LIMIT ?)",
      before(keep.consents));
  // What a name agreed to is asked of it while it lives; the proof is another row.
  if (broom.sweep("DELETE FROM consent WHERE subject IN (SELECT subject FROM consent WHERE given_ms < ? "
                  "ORDER BY given_ms LIMIT ?)",
                  before(kKeepConsents)) > 0)
    context.consents.clear();
}

}  // namespace foyer::ledger
