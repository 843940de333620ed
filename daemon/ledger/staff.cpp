#include "ledger/staff.hpp"

#include <algorithm>

namespace foyer::ledger {

std::chrono::milliseconds wait_after(std::uint32_t failures) {
  if (failures < kFreeTries) return std::chrono::milliseconds{0};
  const auto doublings = std::min(failures - kFreeTries, 16u);
  return std::min<std::chrono::milliseconds>(kFirstWait * (1 << doublings), kLongestWait);
}

std::optional<Ledger::Knock> staff_knock(Context& context, const std::string& name) {
  Ledger::Knock knock;
  std::uint32_t failures = 0;
  {
    auto query = context.db.query("SELECT role, pin, failures, locked_until_ms FROM staff WHERE name = ?");
    query.bind(name);
    if (!query.next()) return std::nullopt;
    knock.manager = query.text(0) == "manager";
    knock.pin = query.text(1);
    failures = static_cast<std::uint32_t>(query.integer(2));
    const auto left = from_unix_ms(query.integer(3)) - context.now;
    // A wait that is longer than any was made under another clock.
    if (left > std::chrono::milliseconds{0} && left <= kLongestWait)
      knock.wait = std::chrono::ceil<std::chrono::seconds>(left);
  }
  if (knock.wait.count() > 0) return knock;
  const auto wait = wait_after(++failures);
  context.db.query("UPDATE staff SET failures = ?, locked_until_ms = ? WHERE name = ?")
      .bind(failures, wait.count() > 0 ? unix_ms(context.now + wait) : 0, name)
      .run();
  return knock;
}

void staff_entered(Context& context, const std::string& name) {
  context.db.query("UPDATE staff SET failures = 0, locked_until_ms = 0 WHERE name = ?").bind(name).run();
}

Result<void> staff_add(Context& context, const std::string& name, const std::string& role, const std::string& pin) {
  if (static_cast<std::size_t>(context.db.number("SELECT count(*) FROM staff")) >= kMostStaff)
    return fail(Code::refuse, "{} members of staff are known, which is the most", kMostStaff);
  context.db
      .query(
          "INSERT INTO staff (name, role, pin, added_ms, failures, locked_until_ms) VALUES (?,?,?,?,0,0) "
          "ON CONFLICT (name) DO UPDATE SET role = excluded.role, pin = excluded.pin, failures = 0, locked_until_ms = "
          "0")
      .bind(name, role, pin, unix_ms(context.now))
      .run();
  return {};
}

Result<void> staff_remove(Context& context, const std::string& name) {
  context.db.query("DELETE FROM staff WHERE name = ?").bind(name).run();
  if (context.db.changes() == 0) return fail(Code::refuse, "nobody of the staff is called '{}'", name);
  return {};
}

std::vector<Ledger::StaffRow> staff_list(Db& db) {
  std::vector<Ledger::StaffRow> rows;
  auto query = db.query("SELECT name, role, added_ms, failures, locked_until_ms FROM staff ORDER BY name");
  while (query.next())
    rows.push_back({query.text(0), query.text(1), from_unix_ms(query.integer(2)),
                    static_cast<std::uint32_t>(query.integer(3)), from_unix_ms(query.integer(4))});
  return rows;
}

}  // namespace foyer::ledger
