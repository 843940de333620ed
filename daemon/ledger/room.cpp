// Making room: what the Writer does when the file nears its largest size, or the disk its end.
#include "ledger/writer.hpp"

namespace foyer::ledger {
namespace {

constexpr std::int64_t kDropAbovePercent = 85;    // of the pages we may have: the oldest rows begin to go …
constexpr std::int64_t kDropToPercent = 75;       // … until so much is in use
constexpr std::int64_t kDropFurtherPercent = 60;  // after a group that did not fit
constexpr std::int64_t kFullPercent = 93;         // no decision is made above: the rest is for what must still be said
constexpr std::uint64_t kRowsLeft = 64;           // of a stream: they are not worth the loss and hold the gap events
constexpr std::uint64_t kRowsAtOnce = 64;

// Of the disk, for the write-ahead log where the disk is small: 1 MiB that waits for its checkpoint, 0.3 for the events
// of the largest group and 1.5 for its commands.
constexpr std::uint64_t kLogBytes = 3 << 20;
static_assert(Writer::kTightCheckpointFrames * (kPageSize + 24) + 4 * (Writer::kTightRidingBytes + Writer::kMostData) +
                  Writer::kTightGroup * 6 * (kPageSize + 24) <=
              kLogBytes);
// And of the log at all: what waits for its checkpoint, the events of the largest group and its commands.
static_assert(Writer::kCheckpointFrames * (kPageSize + 24) + 4 * (Writer::kMostRidingBytes + Writer::kMostData) +
                  Writer::kMostGroup * 6 * (kPageSize + 24) <=
              8 << 20);
constexpr std::uint64_t kAmple = 8 << 20;  // free beyond all that: the log may be as large as it ever gets

std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a - std::min(a, b); }

}  // namespace

/// storage.max_size, or less where the disk has less: what it has for our files together, without what the log needs,
/// or the file as it is.
std::int64_t Writer::pages_for_us() {
  auto& db = *storage_.db;
  const auto most = db.number("PRAGMA max_page_count"), have = db.number("PRAGMA page_count");
  const auto free = free_bytes(settings_.path);
  tight_ = false;
  if (free == UINT64_MAX) return most;
  const auto ours = file_bytes(settings_.path) + file_bytes(settings_.path + "-wal");
  const auto wanted = static_cast<std::uint64_t>(most * kPageSize);
  tight_ = minus(free + ours, kLogBytes) < wanted + kAmple;
  const auto room = static_cast<std::int64_t>(minus(free + ours, kLogBytes)) / kPageSize;
  return std::min(most, std::max(have, room));
}

/// Health goes first, then presence, the oldest of each; ledger rows stay, and decisions are refused instead.
void Writer::make_room(Context& context) {
  auto& db = *storage_.db;
  const auto limit = pages_for_us();
  const auto used = [&] { return db.number("PRAGMA page_count") - db.number("PRAGMA freelist_count"); };
  const bool reserve = ballast_.take();
  const bool disk_is_less = limit < most_pages(settings_);
  const auto target = full_in_a_row_ > 0 ? kDropFurtherPercent : kDropToPercent;
  if (full_ || used() * 100 >= limit * kDropAbovePercent) {
    const auto* reason = disk_is_less ? "disk is full" : "storage is full";
    for (const auto stream : {Stream::health, Stream::presence}) {
      while (outbox_.rows(stream) > kRowsLeft && used() * 100 >= limit * target) {
        const auto rows = outbox_.rows(stream);
        drop(context, stream, std::min(rows - kRowsLeft, std::max(kRowsAtOnce, rows / 8)), reason);
        if (outbox_.rows(stream) >= rows) break;
      }
    }
  }
  used_percent_ = limit > 0 ? used() * 100 / limit : 100;
  full_ = !reserve || used() * 100 >= limit * kFullPercent;
  disk_full_ = full_ && (!reserve || disk_is_less);
}

void Writer::drop(Context& context, Stream stream, std::uint64_t rows, std::string_view reason) {
  const auto dropped = outbox_.drop_oldest(stream, rows, reason, context.now, context.mono);
  dropped_in_group_[static_cast<std::size_t>(stream) - 1] += dropped;
}

/// A group did not fit. Where it was the disk that had no room, its reserve is used up for what makes room again, and
/// the log is emptied so that it can be filled from its beginning.
void Writer::give_up_ballast() {
  if (free_bytes(settings_.path) >= static_cast<std::uint64_t>(Ballast::kBytes)) return;
  ballast_.release();
  disk_full_ = true;
  try {
    storage_.db->checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  } catch (const SqlError& error) {
    (void)met(error).has_value();
  }
}

/// Even the room that could be made was too small for the waiting events: those that may go, go. The next group gives
/// them their numbers, so that a gap can be told of them.
void Writer::shed_riding() {
  std::erase_if(riding_, [this](const Event& event) {
    if (event.stream == Stream::ledger) return false;
    ++unnumbered_[static_cast<std::size_t>(event.stream) - 1];
    return true;
  });
}

void Writer::note_sizes() {
  try {
    auto& db = *storage_.db;
    pages_used_ = static_cast<std::uint64_t>(db.number("PRAGMA page_count") - db.number("PRAGMA freelist_count"));
    wal_bytes_ = static_cast<std::uint64_t>(db.wal_frames()) * static_cast<std::uint64_t>(kPageSize);
  } catch (const SqlError& error) {
    (void)met(error).has_value();
  }
}

}  // namespace foyer::ledger
