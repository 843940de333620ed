#include "ledger/writer.hpp"

#include <algorithm>
#include <cstdlib>

#include "ledger/housekeeping.hpp"

namespace foyer::ledger {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr milliseconds kClockBehind = std::chrono::minutes(5);  // further behind the newest event: not trusted
constexpr milliseconds kLongestWait{1000};
/// Above it no coupon is told to have expired: its row says so by its time, and decisions need the room more.
constexpr std::int64_t kExpireBelowPercent = 75;

constexpr std::string_view kNoRoom = "storage is full";

/// Without room it is discarded. The answer to who gave a campaign is few bytes, and its 64 newest rows always fit.
bool may_go(const Event& event) { return event.stream != Stream::ledger && event.type != "campaign.refused"; }

std::size_t index(Stream stream) { return static_cast<std::size_t>(stream) - 1; }

void raise(std::atomic<std::uint64_t>& at, std::uint64_t to) {
  auto had = at.load();
  while (had < to && !at.compare_exchange_weak(had, to)) {
  }
}

}  // namespace

Writer::Writer(Settings settings, Storage storage, campaign::ZoneTime zone)
    : settings_(std::move(settings)),
      zone_(std::move(zone)),
      storage_(std::move(storage)),
      outbox_(*storage_.db, storage_.boot_seq),
      mailbox_(settings_.queue),
      ballast_(settings_.path) {}

Writer::~Writer() { close(); }

// ---- any thread ----------------------------------------------------------------------------------------------

void Writer::start() {
  std::vector<std::pair<std::string, std::string>> faults;
  outbox_.load();
  ballast_.take();
  campaigns_.load(*storage_.db, &faults);
  late_clock_.load(*storage_.db, settings_.boot_id, storage_.boot_seq);
  for (const auto& [id, why] : faults)
    riding_.push_back(
        {Stream::health, "campaign.refused", "", dump({{"campaign", id}, {"reasons", Json::array({why})}})});
  run_groups();
  thread_ = std::thread([this] { run(); });
}

void Writer::close() {
  std::call_once(closed_, [this] {
    closing_ = true;
    if (!thread_.joinable()) return;
    (void)mailbox_.try_post([] {});  // wakes; where the box is full the thread is awake
    thread_.join();
  });
}

bool Writer::record(std::vector<Event> events) {
  const bool urgent = std::ranges::any_of(events, [](const Event& event) { return event.stream == Stream::ledger; });
  const bool too_long = std::ranges::any_of(events, [](const Event& event) { return event.data.size() > kMostData; });
  const bool taken = !too_long && !closing_ && !is_broken_ && !(urgent && full_) &&
                     mailbox_.try_post([this, urgent, events = std::move(events)]() mutable {
                       if (!riding_since_) riding_since_ = settings_.mono();
                       if (!urgent && riding_.size() >= kMostWaiting) {
                         for (const auto& event : events) ++unnumbered_[index(event.stream)];
                         return;
                       }
                       urgent_ = urgent_ || urgent;
                       for (const auto& event : events) riding_bytes_ += event.data.size();
                       std::ranges::move(events, std::back_inserter(riding_));
                     });
  if (!taken) ++refused_;
  return taken;
}

void Writer::fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
                   std::function<void(Result<std::vector<StoredEvent>>)> done) {
  const bool posted = !closing_ && mailbox_.try_post([=, this] {
    done(answered<std::vector<StoredEvent>>([&] { return outbox_.fetch(stream, after, max_rows); }));
  });
  if (!posted) done(foyer::fail(Code::retry, "overloaded or shutting down"));
}

void Writer::forget(Stream stream, std::uint64_t upto) {
  raise(forget_upto_[index(stream)], upto);
  (void)mailbox_.try_post([this] {
    if (!riding_since_) riding_since_ = settings_.mono();
  });
}

void Writer::heard(Stream stream, std::uint64_t upto) {
  raise(heard_upto_[index(stream)], upto);
  (void)mailbox_.try_post([this] { leave_mark(); });  // where the box is full, closing leaves it
}

void Writer::on_stored(std::function<void(const std::vector<StoredEvent>&)> fn) {
  (void)mailbox_.try_post([this, fn = std::move(fn)]() mutable { on_stored_ = std::move(fn); });
}

Figures Writer::figures() const {
  Figures figures;
  figures.commits = commits_;
  figures.commands = commands_;
  figures.events = events_;
  figures.refused = refused_ + mailbox_.refused();
  figures.pages_used = pages_used_;
  figures.page_size = 4096;
  figures.wal_bytes = wal_bytes_;
  figures.last_commit_us = last_commit_us_;
  figures.slowest_commit_us = slowest_commit_us_;
  figures.queued = mailbox_.depth();
  figures.discarded = discarded_;
  for (std::size_t i = 0; i < dropped_.size(); ++i) figures.dropped[i] = dropped_[i];
  for (std::size_t i = 0; i < gone_.size(); ++i) figures.gone[i] = gone_[i];
  figures.full = full_;
  figures.disk_full = disk_full_;
  figures.broken = is_broken_;
  return figures;
}

// ---- ledger thread -------------------------------------------------------------------------------------------

Context Writer::context() {
  // Asked first: a clock that is set meanwhile is not taken for vouched.
  const bool vouched = settings_.synchronised && settings_.synchronised();
  const auto now = settings_.wall();
  const auto mono = settings_.mono();
  if (vouched) {
    outbox_.no_newer_than(now);
    held_until_.reset();
  } else if (settings_.synchronised && !held_until_ && outbox_.newest() > WallTime{} &&
             now - outbox_.newest() > kLeap) {
    held_until_ = mono + kHeldAfterLeap;
  }
  const bool trusted = now >= settings_.build_date && now >= outbox_.newest() - kClockBehind;
  const bool settled = !held_until_ || mono >= *held_until_;
  return {*storage_.db, outbox_, campaigns_, tally_,  consents_, settings_,
          zone_,        now,     mono,       trusted, settled,   campaign::Moment::at(now, trusted, zone_),
          vouched};
}

/// What the clocks are apart is written with the first group after somebody vouched for the time, and when it moved;
/// with it, before anything is ended, the times that were stored before are put right. `boot_stored`: there is a row
/// for it.
void Writer::note_clock(Context& context, bool boot_stored) {
  offset_in_group_ms_ = offset_ms_;
  if (!settings_.synchronised) return;
  const auto offset = unix_ms(context.now) - duration_cast<milliseconds>(context.mono.time_since_epoch()).count();
  if (!context.clock_vouched) return late_clock_.note(storage_.boot_seq, context.now, offset);
  if (!boot_stored) return;
  late_clock_.put_right(context, offset);
  if (offset_ms_ && std::abs(offset - *offset_ms_) <= kClockRightMs / 2) return;
  context.db.query("UPDATE boot SET offset_ms = ? WHERE boot_id = ?").bind(offset, settings_.boot_id).run();
  offset_in_group_ms_ = offset;
}

milliseconds Writer::patience() const {
  if (more_to_sweep_ || more_to_blank()) return milliseconds{0};
  auto wait = std::min({kLongestWait, settings_.sweep_every, full_ ? kLookAgain : kLongestWait});
  if (riding_since_) {
    const auto left = duration_cast<milliseconds>(*riding_since_ + kRideAlong - settings_.mono());
    wait = std::clamp(left, milliseconds{0}, wait);
  }
  if (urgent_) wait = milliseconds{0};
  return wait;
}

bool Writer::due() const {
  if (!jobs_.empty() || urgent_ || enough_riding()) return true;
  const auto now = settings_.mono();
  if (riding_since_ && now - *riding_since_ >= kRideAlong) return true;
  if (full_ && (!last_group_ || now - *last_group_ >= kLookAgain)) return true;
  return sweep_due();
}

bool Writer::sweep_due() const {
  return more_to_sweep_ || more_to_blank() || !last_sweep_ || settings_.mono() - *last_sweep_ >= settings_.sweep_every;
}

void Writer::run() {
  last_work_ = settings_.mono();
  for (;;) {
    auto ran = mailbox_.wait_and_drain(patience(), 1);
    const auto most = std::min(settings_.group, tight_ ? kTightGroup : kMostGroup);
    while (ran != 0 && ran < most && !enough_riding() && mailbox_.drain(1) != 0) ++ran;
    if (due()) run_groups();
    if (ran != 0) last_work_ = settings_.mono();
    checkpoint();
    if (closing_ && mailbox_.depth() == 0 && jobs_.empty() && !urgent_) break;
  }
  if (riding_since_) run_group(false);
  while (urgent_) run_group(false);
  mailbox_.close();
  try {
    if (broken_.empty()) storage_.db->checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  } catch (const SqlError&) {
    // The write-ahead log stays and is read at the next start: nothing is lost.
  }
  if (broken_.empty()) leave_mark();
}

/// A sweep has a group of its own, after a short log: what it and the commands change together could be more than the
/// log may hold.
void Writer::run_groups() {
  run_group(false);
  if (!sweep_due()) return;
  checkpoint(kIdleCheckpointFrames);
  run_group(true);
}

void Writer::run_group(bool sweeping) {
  std::vector<std::unique_ptr<Job>> jobs;
  if (!sweeping) jobs.swap(jobs_);
  std::vector<StoredEvent> stored;
  bool committed = false;
  if (broken_.empty())
    committed = commit_group(jobs, stored, sweeping);
  else
    for (auto& job : jobs) refuse(*job, refusal());
  if (!sweeping) settle_riding(committed);
  commands_ += jobs.size();
  for (auto& job : jobs) job->finish();
  if (!stored.empty() && on_stored_) on_stored_(stored);
}

/// What did not fit into a group that was committed goes at once; what one that failed would have taken waits as the
/// next that come do.
void Writer::settle_riding(bool committed) {
  if (!broken_.empty()) riding_.clear();
  if (committed) {
    riding_.erase(riding_.begin(), riding_.begin() + static_cast<std::ptrdiff_t>(written_));
    discarded_ += passed_in_group_;
    unnumbered_ = {};
  }
  urgent_ = committed && !riding_.empty();
  riding_bytes_ = 0;
  for (const auto& event : riding_) riding_bytes_ += event.data.size();
  riding_since_.reset();
  if (!riding_.empty()) riding_since_ = settings_.mono();
}

bool Writer::commit_group(std::vector<std::unique_ptr<Job>>& jobs, std::vector<StoredEvent>& stored, bool sweeping) {
  const auto mark = outbox_.mark();
  last_group_ = settings_.mono();
  dropped_in_group_ = {};
  passed_in_group_ = 0;
  try {
    run_in_transaction(jobs, sweeping);
  } catch (const SqlError& error) {
    const auto meaning = met(error);
    note_failure(error);
    more_to_sweep_ = false;  // in its time, not at once again
    roll_back(mark);
    for (auto& job : jobs) refuse(*job, meaning.error());
    if (error.full()) give_up_ballast();
    if (error.full() && ++full_in_a_row_ > 1) shed_riding();
    return false;
  }
  full_in_a_row_ = failed_in_a_row_ = 0;
  failing_since_.reset();
  offset_ms_ = offset_in_group_ms_;
  late_clock_.committed();
  for (std::size_t i = 0; i < dropped_.size(); ++i) dropped_[i] += dropped_in_group_[i];
  campaigns_.take_touched();
  stored = outbox_.take();
  events_ += stored.size();
  for (const auto stream : kStreams) gone_[index(stream)] = outbox_.gone(stream);
  note_sizes();
  return true;
}

void Writer::run_in_transaction(std::vector<std::unique_ptr<Job>>& jobs, bool sweeping) {
  auto& db = *storage_.db;
  db.query("BEGIN IMMEDIATE").run();
  auto context = this->context();
  apply_forgets();
  make_room(context);
  const bool boot_due = !storage_.boot_stored && !full_;
  if (boot_due) write_boot(storage_, settings_);
  note_clock(context, storage_.boot_stored || boot_due);
  if (sweeping) {
    if (outbox_.blanking()) outbox_.blank_some();
    run_sweep(context);
  } else {
    write_riding(context);
  }
  for (auto& job : jobs) run_job(*job, context);
  tally_.write(db, context.now, context.today());
  outbox_.write_states();
  const auto before = settings_.mono();
  db.query("COMMIT").run();
  if (boot_due) storage_.boot_stored = true;
  const auto took = duration_cast<std::chrono::microseconds>(settings_.mono() - before).count();
  last_commit_us_ = static_cast<std::uint64_t>(took);
  slowest_commit_us_ = std::max(slowest_commit_us_.load(), last_commit_us_.load());
  ++commits_;
}

void Writer::run_job(Job& job, Context& context) {
  if (full_ && job.decision) {
    refuse(job, {Code::retry, "overloaded: storage is full"});
    return;
  }
  const auto mark = outbox_.mark();
  const auto counted = tally_.mark();
  try {
    Savepoint savepoint(*storage_.db);
    if (job.run(context)) {
      savepoint.release();
      return;
    }
  } catch (const SqlError& error) {
    if (!storage_.db->in_transaction() || error.hopeless() || error.full()) throw;  // the group fails as one
    job.fail({Code::degrade, error.what()});
  } catch (const std::exception& error) {
    job.fail({Code::degrade, fmt::format("a stored row cannot be read: {}", error.what())});
  }
  outbox_.restore(mark);
  tally_.restore(counted);
  if (campaigns_.take_touched()) campaigns_.load(*storage_.db);
}

/// Nothing can be stored; what was answered earlier is still there to be read.
void Writer::refuse(Job& job, const Error& error) {
  try {
    if (job.recall(*storage_.db)) return;
  } catch (const std::exception&) {
    // It cannot be read either: refused like one that is new.
  }
  ++refused_;
  job.fail(error);
}

/// Once in a while, and with every group until nothing is left: commands come between two pieces.
void Writer::run_sweep(Context& context) {
  last_sweep_ = context.mono;
  more_to_sweep_ = false;
  if (full_) return;
  const auto mark = outbox_.mark();
  try {
    Savepoint savepoint(*storage_.db);
    const auto swept = sweep(context, used_percent_ < kExpireBelowPercent);
    savepoint.release();
    more_to_sweep_ = swept.more;
    dropped_in_group_[index(Stream::presence)] += swept.late_presence;
    dropped_in_group_[index(Stream::health)] += swept.late_health;
  } catch (const SqlError&) {
    throw;
  } catch (const std::exception&) {  // a row nobody can read stays as it is
    outbox_.restore(mark);
  }
}

void Writer::apply_forgets() {
  for (const auto stream : kStreams) {
    auto& at = forget_upto_[index(stream)];
    auto upto = at.load();
    const auto stored = outbox_.last_seq(stream);
    // A number that was never stored must not wait here for the row that will one day have it.
    if (upto > stored && at.compare_exchange_strong(upto, stored)) upto = stored;
    outbox_.forget(stream, upto);
  }
}

void Writer::write_riding(Context& context) {
  pass_over(context);
  std::size_t bytes = 0;
  for (written_ = 0; written_ < std::min(riding_.size(), kMostRiding) && bytes < most_riding_bytes(); ++written_) {
    const auto& event = riding_[written_];
    bytes += event.data.size();
    if (full_ && may_go(event)) {
      ++passed_in_group_;
      outbox_.pass_over(event.stream, 1, kNoRoom, context.now, context.mono);
      continue;
    }
    outbox_.add(event, context.now, context.mono);
  }
  if (!full_) outbox_.tell_passed(kNoRoom, context.now, context.mono);
}

/// What was discarded before it came into a group has its numbers here.
void Writer::pass_over(Context& context) {
  for (const auto stream : {Stream::presence, Stream::health}) {
    const auto rows = unnumbered_[index(stream)];
    if (rows == 0) continue;
    passed_in_group_ += rows;
    outbox_.pass_over(stream, rows, kNoRoom, context.now, context.mono);
  }
}

void Writer::checkpoint() {
  const bool idle = settings_.mono() - last_work_ >= kIdle;
  checkpoint(idle ? kIdleCheckpointFrames : tight_ ? kTightCheckpointFrames : kCheckpointFrames);
}

void Writer::checkpoint(int most) {
  auto& db = *storage_.db;
  if (!broken_.empty() || db.wal_frames() < most) return;
  try {
    db.checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    leave_mark();
  } catch (const SqlError& error) {
    (void)met(error).has_value();
  }
  note_sizes();
}

void Writer::leave_mark() {
  auto last = outbox_.last_seqs();
  for (std::size_t i = 0; i < last.size(); ++i) last[i] = std::max(last[i], heard_upto_[i].load());
  note_mark(storage_, settings_, last);
}

}  // namespace foyer::ledger
