#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/event.hpp"
#include "base/mailbox.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "campaign/exchange.hpp"
#include "campaign/model.hpp"
#include "campaign/offer.hpp"
#include "campaign/statistics.hpp"

/// The durable truth. One thread, one writing SQLite connection. Commands come through a bounded queue, each runs in a
/// savepoint, the group is committed once (one fsync), then every command is answered: a yes is on the disk.
namespace foyer::ledger {

/// How long rows stay after what they tell of is over (docs/privacy.md).
struct Keep {
  std::chrono::seconds coupons = std::chrono::days{400};
  std::chrono::seconds sales = std::chrono::days{400};
  std::chrono::seconds prizes = std::chrono::days{1096};
  std::chrono::seconds consents = std::chrono::days{1096};
};

struct Settings {
  std::string path;                        ///< the database file; its directory must exist
  std::uint64_t max_bytes = 256ull << 20;  ///< storage.max_size
  std::string gateway, store;              ///< for the rules that ask which store this is
  std::string timezone = "Asia/Shanghai";
  std::size_t queue = 4096;  ///< commands waiting; more are refused with Code::retry
  std::size_t group = 256;   ///< commands in one commit at most
  Bytes holdout_key;
  Keep keep{};
  Random random;  ///< ids, codes and draws
  std::function<WallTime()> wall;
  std::function<MonoTime()> mono;
  std::string boot_id;  ///< of the machine: mono counts within it
  /// The kernel holds the wall clock for right (NTP). Empty: nobody can say, and stored times stay as they were.
  std::function<bool()> synchronised;
  WallTime build_date{};                          ///< a clock before it is not trusted
  int synchronous_full = 1;                       ///< 0 only in benchmarks that compare
  std::chrono::milliseconds sweep_every{60'000};  ///< how often what time has ended is looked for
  std::string vfs;  ///< SQLite VFS by name; empty: the system's. Fault tests bring their own
};

/// What came of opening: told upstream by the first events.
struct Opened {
  bool fresh = false;                ///< a new file, a new epoch
  bool restored = false;             ///< an older copy was put in the file's place: a new epoch
  std::string set_aside;             ///< where a damaged file went; empty: none was
  std::uint64_t kept = 0, lost = 0;  ///< rows carried over from it; rows that could not be read: at least so many
};

struct StreamState {
  std::uint64_t last_seq = 0;  ///< newest stored
  std::uint64_t acked = 0;     ///< all up to here are gone
  std::uint64_t rows = 0, bytes = 0;
  std::optional<WallTime> oldest;
};

struct Figures {
  std::uint64_t commits = 0, commands = 0, events = 0, refused = 0;
  std::uint64_t pages_used = 0, page_size = 0, wal_bytes = 0;
  std::uint64_t last_commit_us = 0, slowest_commit_us = 0;
  std::uint64_t queued = 0;                              ///< commands waiting now
  std::uint64_t discarded = 0;                           ///< health and presence events for which there was no room
  std::array<std::uint64_t, kStreams.size()> dropped{};  ///< rows that went before they were safe, by stream
  std::array<std::uint64_t, kStreams.size()> gone{};     ///< rows up to there are in no outbox any more, by stream
  bool full = false;                                     ///< there is no room: decisions are refused
  bool disk_full = false;                                ///< … because others filled the file system
  bool broken = false;  ///< an I/O error or damage was met: nothing is stored until the process restarts
};

/// Every method may be called from any thread except where it says otherwise. A method with a deadline waits for the
/// commit; Code::retry means overloaded or shutting down: nothing was kept (with a deadline passed: it may have been,
/// ask again with the same nonce or key).
class Ledger {
 public:
  static Result<std::unique_ptr<Ledger>> open(Settings settings);
  ~Ledger();

  const Opened& opened() const;
  const std::string& epoch() const;  ///< 16 hex, new whenever the database is
  std::uint64_t boot_seq() const;    ///< how often this file was opened

  using Deadline = std::chrono::milliseconds;

  // commands -----------------------------------------------------------------------------------------------
  Result<campaign::DrawAnswer> draw(const campaign::DrawCommand& command, Deadline deadline);
  /// Something happened to a shopper: what the campaigns of its trigger give for it, once for each instance.
  Result<campaign::TriggerAnswer> happen(const campaign::TriggerCommand& command, Deadline deadline);
  Result<campaign::AdmitAnswer> admit(const campaign::AdmitCommand& command, Deadline deadline);
  Result<void> end_session(const campaign::SessionEnd& end, Deadline deadline);
  /// Keeps what open sessions have used, so that it outlives a reboot. One transaction, no events.
  Result<void> count_sessions(const std::vector<campaign::SessionBytes>& counted, Deadline deadline);
  /// The session goes on under another pseudonym of MAC·IP; whoever was recorded there is ended ("replaced"). nullopt:
  /// it is over, or unknown.
  Result<std::optional<Session>> carry_session(const std::string& id, const std::string& pair, Deadline deadline);
  /// Keeps what a typed code stands for. Code::refuse: another token has that code.
  Result<void> keep_typed(const std::string& code, const Bytes& body, WallTime expires, Deadline deadline);
  /// What a till asks: check changes nothing; the same idempotency key has the same answer for 7 days.
  Result<campaign::TillAnswer> till(const campaign::TillRequest& request, Deadline deadline);
  /// Whose coupon or member code this request shows; empty: nobody's.
  Result<std::string> shown_by(const campaign::TillRequest& request, Deadline deadline);
  /// The operator's word: an issued or reserved coupon ends for good. Where it does, the order's answer is remembered
  /// in the same transaction, as by remember_order().
  Result<campaign::TillAnswer> void_coupon(const std::string& code, const std::string& why,
                                           const campaign::Order& order, Deadline deadline);

  struct Imported {
    std::size_t added = 0, known = 0;  ///< known: waiting for this prize already
    std::uint64_t waiting = 0;         ///< after it
    std::string refused;               ///< the whole of it, and why
    std::vector<std::pair<std::size_t, std::string>>
        faults;  ///< position in `codes`, what is wrong; nothing was stored
  };
  /// Codes of a merchant's own list for a prize with `codes: imported`: all of them or none. `dry`: only looked at.
  Result<Imported> import_codes(const std::string& campaign, const std::string& prize, std::vector<std::string> codes,
                                bool dry, Deadline deadline);

  /// Takes these campaigns in the place of all from the same source: "file", or "mqtt:<id>" for what arrives one by
  /// one. Refuses a change to a started campaign that is more than pause, resume, a later end or more stock; the others
  /// are still applied. What changes nothing writes nothing, so it succeeds while the storage is full, too.
  struct Applied {
    std::vector<std::string> applied;
    std::vector<std::pair<std::string, std::string>> refused;  ///< id, why
    bool unchanged = false;                                    ///< all was in force as it is: no event says so
  };
  Result<Applied> apply_campaigns(const std::string& source, std::vector<campaign::Campaign> campaigns,
                                  Deadline deadline);
  /// What limits offers from now on, whatever the campaigns say.
  Result<void> use_offer_rules(const campaign::OfferRules& rules, Deadline deadline);
  Result<void> set_segments(const std::string& subject, const std::vector<std::string>& names, Deadline deadline);
  Result<void> pause_campaign(const std::string& id, bool paused, Deadline deadline);

  // Staff: who may work at the till's own page.
  struct Knock {
    std::string pin;  ///< as base/password.hpp stores it
    bool manager = false;
    std::chrono::seconds wait{0};  ///< > 0: too many wrong tries; nothing is to be judged before this has passed
  };
  /// One more try of this name, counted as wrong until staff_entered. nullopt: nobody of that name.
  Result<std::optional<Knock>> staff_knock(const std::string& name, Deadline deadline);
  Result<void> staff_entered(const std::string& name, Deadline deadline);
  struct StaffRow {
    std::string name, role;
    WallTime added{};
    std::uint32_t failures = 0;
    WallTime locked_until{};
  };
  Result<std::vector<StaffRow>> staff(Deadline deadline);
  /// The same name again: another role and PIN, and no waiting. Code::refuse: too many.
  Result<void> staff_add(const std::string& name, const std::string& role, const std::string& pin, Deadline deadline);
  Result<void> staff_remove(const std::string& name, Deadline deadline);

  /// Stores events. `ledger` events commit at once, the others ride along within 200 ms. Never waits; false: refused
  /// (queue full or closed), counted.
  [[nodiscard]] bool record(std::vector<Event> events);

  /// Removes what is known of these names of one person; sessions end, the accounts keep their sums. A name under which
  /// nothing is stored costs nothing: whoever asks may be a stranger.
  Result<void> erase(const std::vector<std::string>& names, Deadline deadline);
  /// The same by the operator's word: those upstream are told, whether anything is stored here or not.
  Result<void> erase_named(const std::string& name, Deadline deadline);
  /// All that is stored under these names, as JSON.
  Result<std::string> export_of(const std::vector<std::string>& names, Deadline deadline);

  /// Recorded with its time, once for each text.
  Result<void> give_consent(const std::string& subject, const std::string& terms_hash, Deadline deadline);
  /// Recorded, and what is known of these names of one person is erased as by erase(); sessions go on.
  Result<void> withdraw_consent(const std::vector<std::string>& names, Deadline deadline);

  /// What a command from upstream with this key was answered; nullopt: it is new. Kept for 7 days, the newest 1,000.
  Result<std::optional<std::string>> order_answer(const std::string& key, Deadline deadline);
  Result<void> remember_order(const std::string& key, const std::string& answer, Deadline deadline);

  // questions ----------------------------------------------------------------------------------------------
  Result<std::optional<campaign::Coupon>> coupon(const std::string& id, Deadline deadline);
  Result<std::optional<campaign::Coupon>> coupon_by_code(const std::string& code, Deadline deadline);
  Result<std::vector<campaign::Coupon>> coupons_of(const std::string& subject, Deadline deadline);
  Result<std::vector<Session>> sessions(Deadline deadline);  ///< recorded and unexpired
  /// What was kept for a typed code and is not over.
  Result<std::optional<Bytes>> typed(const std::string& code, Deadline deadline);
  /// The hash of the terms this subject agreed to; nullopt: never, or taken back.
  Result<std::optional<std::string>> consented(const std::string& subject, Deadline deadline);
  Result<std::vector<campaign::Campaign>> campaigns(Deadline deadline);
  /// In force, or begun once and taken away since.
  Result<std::optional<campaign::Campaign>> campaign(const std::string& id, Deadline deadline);
  Result<std::vector<campaign::CampaignState>> campaign_states(Deadline deadline);
  /// Of all these names, after `seq`, oldest first, at most 50.
  Result<std::vector<campaign::Offer>> offers(const std::vector<std::string>& names, std::uint64_t after,
                                              Deadline deadline);
  struct Statistics {
    std::vector<campaign::Cell> cells;  ///< of these local days, and by hour of the last 48
    std::vector<campaign::Arms> arms;
  };
  Result<Statistics> statistics(int days, Deadline deadline);
  Result<std::map<Stream, StreamState>> streams(Deadline deadline);
  Figures figures() const;
  /// What was met when figures().broken; empty before.
  std::string why_broken() const;
  /// The wall clock is not before the program was built, nor more than 5 min before the newest event (or the kernel
  /// vouches for it).
  Result<bool> clock_trusted(Deadline deadline);
  /// What a guest who is in may show at the till in the place of a coupon (ledger/till.hpp). Waits for nothing.
  std::string member_code(const std::string& subject) const;

  // outbox, for the uplink ---------------------------------------------------------------------------------
  /// Up to `max_rows` events after `after`, in order. `done` is called on the ledger thread; with Code::retry on the
  /// calling thread when the queue is full or closed.
  void fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
             std::function<void(Result<std::vector<StoredEvent>>)> done);
  /// Rows <= upto are safe upstream: they go. Never more than was stored; a lower number is ignored.
  void forget(Stream stream, std::uint64_t upto);

  /// An ingester has rows of this epoch up to `upto`, more than was ever stored here: the file is an older copy. Noted
  /// beside it, so that the next opening renews the epoch.
  void heard(Stream stream, std::uint64_t upto);

  /// Called on the ledger thread after each commit that stored events, with those events in order. Set before use.
  void on_stored(std::function<void(const std::vector<StoredEvent>&)> fn);

  /// Commits what is queued, checkpoints and closes. Idempotent. What is asked meanwhile gets Code::retry.
  void close();

 private:
  class Impl;
  explicit Ledger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace foyer::ledger
