#include "ledger/orders.hpp"

namespace foyer::ledger {

std::optional<std::string> order_answer(Db& db, const std::string& key) {
  auto query = db.query("SELECT answer FROM order_answer WHERE key = ?");
  query.bind(key);
  if (!query.next()) return std::nullopt;
  return query.text(0);
}

void remember_order(Context& context, const std::string& key, const std::string& answer) {
  context.db.query("INSERT OR IGNORE INTO order_answer (key, at_ms, answer) VALUES (?,?,?)")
      .bind(key, unix_ms(context.now), answer)
      .run();
  if (context.db.number("SELECT count(*) FROM order_answer") > kMostOrders)
    context.db.query("DELETE FROM order_answer WHERE key IN (SELECT key FROM order_answer ORDER BY at_ms, key LIMIT 1)")
        .run();
}

void forget_orders(Context& context) {
  context.db.query("DELETE FROM order_answer WHERE at_ms < ?").bind(unix_ms(context.now - kKeepOrders)).run();
}

}  // namespace foyer::ledger
