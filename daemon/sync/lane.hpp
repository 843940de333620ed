#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/event.hpp"
#include "base/time.hpp"

namespace foyer::sync {

/// One stream's place in the pump: what is stored, fetched, sent, in flight and safe. Bookkeeping only; the pump does
/// the talking. acked <= cursor <= stored, and rows wait in `ready` from cursor on.
class Lane {
 public:
  void stored(std::uint64_t last_seq, std::uint64_t acked, MonoTime now);

  // fetching: one at a time -------------------------------------------------------------------------------
  struct Fetch {
    std::uint64_t after;  ///< the seq after which to fetch
    std::uint64_t id;     ///< comes back with the answer
  };
  bool wants_rows() const;
  Fetch begin_fetch(MonoTime now);
  // False: an answer to a fetch that was given up; nothing was done with it.
  bool fetch_failed(std::uint64_t id);
  bool fetched(std::uint64_t id, std::vector<StoredEvent> rows);
  std::optional<MonoTime> fetching_since() const;
  void give_up_fetch();  ///< its answer may have been lost: another may begin

  // sending -------------------------------------------------------------------------------------------------
  std::span<const StoredEvent> ready() const;
  /// The first `count` rows of ready() went out under `tag`. How many of them had gone before.
  std::size_t sent(std::uint64_t tag, std::size_t count, MonoTime now);

  // answers: each true when acked moved ----------------------------------------------------------------------
  /// Broker mode: the batch is safe; acked moves over the batches that are safe without a gap before them.
  bool safe(std::uint64_t tag, MonoTime now);
  /// Application mode: the broker has it; only the watermark says it is safe.
  void taken(std::uint64_t tag);
  /// Application mode: rows <= upto are safe at the ingester. nullopt: not believed, it is above what is stored or
  /// below what is acked.
  std::optional<bool> watermark(std::uint64_t upto, MonoTime now);
  /// The broker refused the batch: it and what followed it are to go again, what went before it stays in flight. False
  /// when the batch is not in flight (any more).
  bool refused(std::uint64_t tag);
  /// All that is not acked is to go again; what was in flight is forgotten, a running fetch too.
  void rewind(MonoTime now);

  std::uint64_t stored() const { return stored_; }
  std::uint64_t acked() const { return acked_; }
  std::uint64_t cursor() const { return cursor_; }
  MonoTime progress_at() const { return progress_at_; }  ///< when acked moved, or sending began with all acked

 private:
  struct Batch {
    std::uint64_t tag, after, last;  ///< rows after < seq <= last
    bool safe = false;
  };

  void go_back(std::uint64_t cursor);
  bool advance(std::uint64_t acked, MonoTime now);

  std::uint64_t stored_ = 0;     ///< newest row there is
  std::uint64_t acked_ = 0;      ///< rows <= this are safe
  std::uint64_t cursor_ = 0;     ///< rows <= this were sent on this connection, or are safe
  std::uint64_t sent_high_ = 0;  ///< rows <= this were sent by this process at some time
  std::uint64_t claimed_ = 0;    ///< the ingester says rows <= this are safe
  MonoTime progress_at_{};
  std::deque<Batch> batches_;  ///< in flight, in order
  std::vector<StoredEvent> rows_;
  std::size_t head_ = 0;        ///< rows_ from here on are ready
  std::uint64_t fetch_id_ = 0;  ///< of the newest fetch
  std::optional<MonoTime> fetching_since_;
  std::uint64_t asked_at_ = 0;  ///< stored_ when the running fetch began
  std::uint64_t empty_at_ = 0;  ///< stored_ when a fetch brought nothing: ask again only when there is more
};

}  // namespace foyer::sync
