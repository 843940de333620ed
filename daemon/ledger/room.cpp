// Making room: what the Writer does when the file nears its largest size.
#include "ledger/writer.hpp"

namespace foyer::ledger {
namespace {

constexpr std::uint64_t kDropAbovePercent = 85;    // of the largest size: the oldest rows begin to go …
constexpr std::uint64_t kDropToPercent = 75;       // … until so much is in use
constexpr std::uint64_t kDropFurtherPercent = 60;  // after a group that did not fit
constexpr std::uint64_t kFullPercent = 93;         // no decision is made above: the rest is for what must still be said
constexpr std::uint64_t kRowsLeft = 64;            // of a stream: they are not worth the loss and hold the gap events
constexpr std::uint64_t kRowsAtOnce = 64;

}  // namespace

/// Health goes first, then presence, the oldest of each; ledger rows stay, and decisions are refused instead.
void Writer::make_room(Context& context) {
  auto& db = *storage_.db;
  const auto limit = static_cast<std::uint64_t>(db.number("PRAGMA max_page_count"));
  const auto used = [&] {
    return static_cast<std::uint64_t>(db.number("PRAGMA page_count") - db.number("PRAGMA freelist_count"));
  };
  if (!full_ && used() * 100 < limit * kDropAbovePercent) return;
  const auto target = full_in_a_row_ > 0 ? kDropFurtherPercent : kDropToPercent;
  for (const auto stream : {Stream::health, Stream::presence}) {
    while (outbox_.rows(stream) > kRowsLeft && used() * 100 >= limit * target) {
      const auto rows = outbox_.rows(stream);
      outbox_.drop_oldest(stream, std::min(rows - kRowsLeft, std::max(kRowsAtOnce, rows / 8)), "storage is full",
                          context.now, context.mono);
      if (outbox_.rows(stream) >= rows) break;
    }
  }
  full_ = used() * 100 >= limit * kFullPercent;
}

/// Even the room that could be made was too small for the waiting events: those that may go, go. They never had a
/// number, so no gap is told; they are counted.
void Writer::shed_riding() {
  discarded_ += std::erase_if(riding_, [](const Event& event) { return event.stream != Stream::ledger; });
}

void Writer::note_sizes() {
  try {
    auto& db = *storage_.db;
    pages_used_ = static_cast<std::uint64_t>(db.number("PRAGMA page_count") - db.number("PRAGMA freelist_count"));
    wal_bytes_ = static_cast<std::uint64_t>(db.wal_frames()) * 4096;
  } catch (const SqlError& error) {
    (void)met(error).has_value();
  }
}

}  // namespace foyer::ledger
