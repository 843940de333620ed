// Groups that fail: what the Writer takes back, what it tells who asked, and when it stores nothing any more.
#include "ledger/mark.hpp"
#include "ledger/writer.hpp"

namespace foyer::ledger {

void Writer::roll_back(const Outbox::Mark& mark) {
  auto& db = *storage_.db;
  outbox_.restore(mark);
  outbox_.look_for_blanking();
  late_clock_.rolled_back();
  tally_.restore(0);
  try {
    if (db.in_transaction()) db.query("ROLLBACK").run();  // a COMMIT that found the disk full has done it already
    campaigns_.take_touched();
    campaigns_.load(db);
  } catch (const SqlError& error) {
    (void)met(error).has_value();
  }
}

Result<void> Writer::met(const SqlError& error) {
  if (error.full()) {
    full_ = true;
    return foyer::fail(Code::retry, "overloaded: storage is full");
  }
  if (!error.hopeless()) return foyer::fail(Code::retry, "{}", error.what());
  give_up(error.what());  // a failed fsync is never tried again: the kernel may have dropped the pages
  if (error.damaged()) note_damage(storage_.lock.fd());
  return tl::make_unexpected(refusal());
}

/// It may pass by itself, but nobody is served meanwhile.
void Writer::note_failure(const SqlError& error) {
  if (error.full() || error.hopeless()) return;
  const auto now = settings_.mono();
  if (!failing_since_) failing_since_ = now;
  if (++failed_in_a_row_ >= kMostFailed && now - *failing_since_ >= kLongestFailing) give_up(error.what());
}

void Writer::give_up(const std::string& why) {
  if (is_broken_) return;
  broken_ = why;
  is_broken_ = true;
}

Error Writer::refusal() const {
  return {Code::fatal, fmt::format("{}: {}; nothing is stored until a restart", settings_.path, broken_)};
}

}  // namespace foyer::ledger
