#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/mailbox.hpp"
#include "ledger/campaigns.hpp"
#include "ledger/context.hpp"
#include "ledger/late_clock.hpp"
#include "ledger/reserve.hpp"
#include "ledger/storage.hpp"

namespace foyer::ledger {

/// The one thread with the one writing connection. Commands are gathered, each runs in a savepoint, the group is
/// committed with one fsync, then all are answered. Events without urgency wait up to kRideAlong for company.
class Writer {
 public:
  static constexpr std::chrono::milliseconds kRideAlong{200};
  /// Events in one commit, and bytes of their data: so many do not wait, and what is more has commits of its own. A
  /// commit is in the log as a whole; an event of 1.1 KiB takes four times its size there.
  static constexpr std::size_t kMostRiding = 1024;
  static constexpr std::size_t kMostRidingBytes = 256 * 1024;
  /// Events that wait while groups fail; more of presence and health are discarded.
  static constexpr std::size_t kMostWaiting = 16 * kMostRiding;
  static constexpr std::size_t kMostData = 32 * 1024;  ///< bytes of one event's data; a larger one is refused
  /// 3 MiB of write-ahead log; with the largest group on top it stays below 8.
  static constexpr int kCheckpointFrames = 768;
  static constexpr int kIdleCheckpointFrames = 64;
  /// Where the disk has little more than we need, the log and what one commit adds to file and log are kept small: the
  /// place kept free for them covers the largest (room.cpp).
  static constexpr int kTightCheckpointFrames = 256;
  static constexpr std::size_t kTightRidingBytes = 64 * 1024;
  /// Commands in one commit at most, whatever Settings::group says; each changes about 6 pages.
  static constexpr std::size_t kMostGroup = 160, kTightGroup = 64;
  static constexpr std::chrono::milliseconds kIdle{5000};
  static constexpr std::chrono::milliseconds kLookAgain{1000};  ///< while there is no room: whether there is now
  /// Groups that failed one after the other, for so long, and neither for want of room nor by a failing disk (no
  /// memory, another program's lock): then nothing is stored until a restart.
  static constexpr int kMostFailed = 5;
  static constexpr std::chrono::milliseconds kLongestFailing{10'000};
  /// A clock that nobody vouches for and that is so much later than the newest event, or than it was, has perhaps
  /// leapt: for so long, or until somebody vouches for it, nothing is ended by it.
  static constexpr std::chrono::hours kLeap{25}, kHeldAfterLeap{24};

  Writer(Settings settings, Storage storage, campaign::ZoneTime zone);
  ~Writer();

  void start();
  void close();

  /// Runs `work(Context&) -> Result<T>` as one command; answered after its commit. `decision`: while nothing can be
  /// stored it is refused, unless `recall(Db&) -> optional<T>` finds the answer it was given earlier.
  template <class T, class Work>
  Result<T> command(Ledger::Deadline deadline, bool decision, Work work) {
    return command<T>(deadline, decision, std::move(work), nullptr);
  }
  template <class T, class Work, class Known>
  Result<T> command(Ledger::Deadline deadline, bool decision, Work work, Known recall) {
    if (closing_) return foyer::fail(Code::retry, "shutting down");
    return mailbox_.ask_later<T>(
        [this, decision, work = std::move(work), recall = std::move(recall)](Reply<T> reply) mutable {
          jobs_.push_back(std::make_unique<TypedJob<T, Work, Known>>(decision, std::move(work), std::move(recall),
                                                                     std::move(reply)));
        },
        deadline);
  }

  /// Runs `read() -> T` on the ledger thread between two groups: it sees what is committed.
  template <class T, class Read>
  Result<T> question(Ledger::Deadline deadline, Read read) {
    if (closing_) return foyer::fail(Code::retry, "shutting down");
    return mailbox_.ask_later<T>([this, read = std::move(read)](Reply<T> reply) { reply(answered<T>(read)); },
                                 deadline);
  }

  /// The same for a question that asks what a command would see.
  template <class T, class Read>
  Result<T> look(Ledger::Deadline deadline, Read read) {
    return question<T>(deadline, [this, read = std::move(read)] {
      auto seen = context();
      return read(seen);
    });
  }

  bool record(std::vector<Event> events);
  void fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
             std::function<void(Result<std::vector<StoredEvent>>)> done);
  void forget(Stream stream, std::uint64_t upto);
  void heard(Stream stream, std::uint64_t upto);
  void on_stored(std::function<void(const std::vector<StoredEvent>&)> fn);
  Figures figures() const;
  std::string why_broken() const { return is_broken_ ? broken_ : std::string(); }

  const Opened& opened() const { return storage_.opened; }
  const std::string& epoch() const { return storage_.epoch; }
  std::uint64_t boot_seq() const { return storage_.boot_seq; }
  const Settings& settings() const { return settings_; }
  const campaign::ZoneTime& zone() const { return zone_; }

  // Ledger thread only: for questions.
  Db& db() { return *storage_.db; }
  Outbox& outbox() { return outbox_; }
  Campaigns& campaigns() { return campaigns_; }

  ConsentCache& consents() { return consents_; }  ///< asked by any thread, changed by the ledger's

 private:
  class Job {
   public:
    explicit Job(bool decides) : decision(decides) {}
    virtual ~Job() = default;
    virtual bool run(Context& context) = 0;  ///< false: it failed, roll it back
    virtual bool recall(Db& db) = 0;         ///< true: it was answered earlier, and is again
    virtual void fail(const Error& error) = 0;
    virtual void finish() = 0;
    const bool decision;
  };
  template <class T, class Work, class Known>
  class TypedJob final : public Job {
   public:
    TypedJob(bool decides, Work work, Known known, Reply<T> reply)
        : Job(decides), work_(std::move(work)), recall_(std::move(known)), reply_(std::move(reply)) {}
    bool run(Context& context) override {
      result_.emplace(work_(context));
      return result_->has_value();
    }
    bool recall(Db& db) override {
      if constexpr (std::is_same_v<Known, std::nullptr_t>) {
        return false;
      } else {
        auto answer = recall_(db);
        if (answer) result_.emplace(*std::move(answer));
        return answer.has_value();
      }
    }
    void fail(const Error& error) override { result_.emplace(tl::make_unexpected(error)); }
    void finish() override { reply_(std::move(*result_)); }

   private:
    Work work_;
    Known recall_;
    Reply<T> reply_;
    std::optional<Result<T>> result_;
  };

  template <class T, class Read>
  Result<T> answered(const Read& read) {
    try {
      return read();
    } catch (const SqlError& error) {
      return foyer::fail(met(error));
    } catch (const std::exception& error) {
      return foyer::fail(Code::degrade, "a stored row cannot be read: {}", error.what());
    }
  }

  void run();
  std::chrono::milliseconds patience() const;
  bool due() const;
  std::size_t most_riding_bytes() const { return tight_ ? kTightRidingBytes : kMostRidingBytes; }
  bool enough_riding() const { return riding_.size() >= kMostRiding || riding_bytes_ >= most_riding_bytes(); }
  /// Names to be taken out of the outbox: at once, but not over and over where nothing can be stored. After a group
  /// that failed they go with the next.
  bool more_to_blank() const { return outbox_.blanking() && failed_in_a_row_ == 0 && !full_ && broken_.empty(); }
  void run_groups();
  void run_group(bool sweeping);
  bool commit_group(std::vector<std::unique_ptr<Job>>& jobs, std::vector<StoredEvent>& stored, bool sweeping);
  void run_in_transaction(std::vector<std::unique_ptr<Job>>& jobs, bool sweeping);
  bool sweep_due() const;
  void run_job(Job& job, Context& context);
  void refuse(Job& job, const Error& error);
  void run_sweep(Context& context);
  void apply_forgets();
  void make_room(Context& context);
  void write_riding(Context& context);
  void settle_riding(bool committed);
  void shed_riding();
  void pass_over(Context& context);
  void note_failure(const SqlError& error);
  void give_up(const std::string& why);
  void roll_back(const Outbox::Mark& mark);
  void checkpoint();
  void checkpoint(int most);  ///< where the log has at least so many frames
  void note_sizes();
  void note_clock(Context& context, bool boot_stored);
  void drop(Context& context, Stream stream, std::uint64_t rows, std::string_view reason);
  std::int64_t pages_for_us();
  void give_up_ballast();
  void leave_mark();
  Context context();
  /// What an SqlError means to who asked, and to us from now on.
  Result<void> met(const SqlError& error);
  Error refusal() const;

  const Settings settings_;
  const campaign::ZoneTime zone_;
  Storage storage_;
  Outbox outbox_;
  Campaigns campaigns_;
  Tally tally_;
  ConsentCache consents_;
  LateClock late_clock_;
  Mailbox mailbox_;
  std::thread thread_;
  std::once_flag closed_;
  std::atomic<bool> closing_{false};
  std::array<std::atomic<std::uint64_t>, kStreams.size()> forget_upto_{};
  std::array<std::atomic<std::uint64_t>, kStreams.size()> heard_upto_{};  ///< an ingester has rows up to there

  // Ledger thread only.
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<Event> riding_;
  std::size_t riding_bytes_ = 0;
  std::size_t written_ = 0;  ///< of riding_, by this group
  bool urgent_ = false;      ///< a ledger event is among the riding, or they were too many for one group
  std::optional<MonoTime> riding_since_;
  std::optional<MonoTime> last_sweep_;
  bool more_to_sweep_ = false;
  std::int64_t used_percent_ = 0;  ///< of the room, before this group
  MonoTime last_work_{};
  int full_in_a_row_ = 0;                  ///< groups that did not fit
  bool tight_ = false;                     ///< the disk has little more than we need
  std::optional<MonoTime> failing_since_;  ///< the first of the groups that failed in a row …
  int failed_in_a_row_ = 0;                ///< … and how many
  std::string broken_;                     ///< written once, before is_broken_
  Ballast ballast_;
  std::optional<MonoTime> last_group_;
  std::optional<MonoTime> held_until_;              ///< after a leap of the clock
  std::optional<std::int64_t> offset_ms_;           ///< of the clocks, as the row of this boot has it
  std::optional<std::int64_t> offset_in_group_ms_;  ///< … once this group is committed
  std::array<std::uint64_t, kStreams.size()> dropped_in_group_{};
  std::array<std::uint64_t, kStreams.size()> unnumbered_{};  ///< discarded, and to be told with the next group
  std::uint64_t passed_in_group_ = 0;
  std::function<void(const std::vector<StoredEvent>&)> on_stored_;

  // Written by the ledger thread, read by any.
  std::atomic<std::uint64_t> commits_{0}, commands_{0}, events_{0}, refused_{0}, discarded_{0}, pages_used_{0},
      wal_bytes_{0}, last_commit_us_{0}, slowest_commit_us_{0};
  std::array<std::atomic<std::uint64_t>, kStreams.size()> dropped_{}, gone_{};
  std::atomic<bool> full_{false}, disk_full_{false}, is_broken_{false};
};

}  // namespace foyer::ledger
