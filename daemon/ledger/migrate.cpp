#include "ledger/migrate.hpp"

#include <charconv>

namespace foyer::ledger {
namespace {

/// 0003-more.sql → 3.
std::int64_t version_of(const embedded::File& file) {
  std::int64_t version = 0;
  std::from_chars(file.name.data(), file.name.data() + file.name.size(), version);
  return version;
}

void step(Db& db, const embedded::File& file, std::int64_t version) {
  db.execute("BEGIN IMMEDIATE");
  try {
    db.execute(file.content);
    db.execute(fmt::format("PRAGMA user_version = {}", version));
    db.execute("COMMIT");
  } catch (const SqlError&) {
    if (db.in_transaction()) db.execute("ROLLBACK");
    throw;
  }
}

}  // namespace

std::int64_t newest_version() {
  std::int64_t newest = 0;
  for (const auto& file : embedded::migrations) newest = std::max(newest, version_of(file));
  return newest;
}

Result<void> migrate(Db& db, std::span<const embedded::File> migrations) {
  std::int64_t newest = 0;
  for (const auto& file : migrations) newest = std::max(newest, version_of(file));
  const auto version = db.number("PRAGMA user_version");
  if (version > newest)
    return fail(Code::fatal,
                "the database was written by a later foyer (schema {}, this program knows {}); it was left as it is",
                version, newest);
  for (const auto& file : migrations)
    if (version_of(file) > version) step(db, file, version_of(file));
  return {};
}

}  // namespace foyer::ledger
