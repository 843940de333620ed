#include "ledger/typed.hpp"

namespace foyer::ledger {

Result<void> keep_typed(Context& context, const std::string& code, const Bytes& body, WallTime expires) {
  auto& db = context.db;
  const auto other = typed(db, code, context.now);
  if (other && *other != body) return fail(Code::refuse, "another token has this code");
  if (db.number("SELECT count(*) FROM typed") >= kMostTyped)
    db.execute("DELETE FROM typed WHERE code = (SELECT code FROM typed ORDER BY expires_ms LIMIT 1)");
  db.query("INSERT OR REPLACE INTO typed (code, body, expires_ms) VALUES (?,?,?)")
      .bind(code, to_hex(body), unix_ms(expires))
      .run();
  return {};
}

std::optional<Bytes> typed(Db& db, const std::string& code, WallTime now) {
  auto query = db.query("SELECT body FROM typed WHERE code = ? AND expires_ms > ?");
  query.bind(code, unix_ms(now));
  return query.next() ? from_hex(query.text(0)) : std::nullopt;
}

void forget_typed(Context& context, std::size_t rows) {
  context.db.query("DELETE FROM typed WHERE code IN (SELECT code FROM typed WHERE expires_ms <= ? LIMIT ?)")
      .bind(unix_ms(context.now), rows)
      .run();
}

}  // namespace foyer::ledger
