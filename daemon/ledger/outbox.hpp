#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/event.hpp"
#include "ledger/ledger.hpp"
#include "ledger/sqlite.hpp"

namespace foyer::ledger {

inline constexpr std::int64_t kClockRightMs = 2000;  ///< nearer than this a wall clock was right

/// The events that are not yet safe upstream. Numbers are given in memory and written once a commit; whoever rolls the
/// database back puts the Mark back as well, so a number that was not committed is given again: no gaps.
/// Ledger thread only.
class Outbox {
 public:
  static constexpr std::uint64_t kBlankRows = 4096;  ///< looked at in one piece

  Outbox(Db& db, std::uint64_t boot_seq) : db_(db), boot_(boot_seq) {}

  void load();

  /// Stores an event and gives it its number. Inside a transaction.
  void add(Event event, WallTime wall, MonoTime mono);
  /// Writes the stream rows: once, last thing before COMMIT.
  void write_states();

  struct Counter {
    std::uint64_t last_seq = 0, gone = 0, rows = 0, bytes = 0;
    bool operator==(const Counter&) const = default;
  };
  /// Numbers given to events that were not stored; none where first is 0.
  struct Passed {
    std::uint64_t first = 0, last = 0;
    bool operator==(const Passed&) const = default;
  };
  struct Mark {
    std::array<Counter, kStreams.size()> counters;
    std::array<Passed, kStreams.size()> passed;
    std::size_t added = 0;
    WallTime newest{};
  };
  Mark mark() const { return {counters_, passed_, added_.size(), newest_}; }
  void restore(const Mark& mark);
  /// The events added since the last take, in order. After COMMIT.
  std::vector<StoredEvent> take();

  /// The time of an event is its wall clock's, or, where that was more than kClockRightMs off, what the boot's clock
  /// showed to have been right.
  std::vector<StoredEvent> fetch(Stream stream, std::uint64_t after, std::size_t max_rows);
  void forget(Stream stream, std::uint64_t upto);
  std::map<Stream, StreamState> states();
  WallTime newest() const { return newest_; }  ///< of all events ever stored
  /// The clock is known to be right now: what was stored by one that ran ahead does not count.
  void no_newer_than(WallTime now) { newest_ = std::min(newest_, now); }
  /// Takes these names out of all rows stored so far but the word that they were taken back. Rows have no index by
  /// name: what is more than a piece is left to blank_some, also after a restart.
  void blank(const std::vector<std::string>& names);
  /// A piece of what blank left over.
  void blank_some();
  bool blanking() const { return blanking_; }  ///< something may be left over
  void look_for_blanking() { blanking_ = true; }

  /// Drops the oldest `rows` of a stream and says so with an exact outbox.gap event in `health`; returns how many went.
  /// Gaps that were themselves dropped are told again. Never called for the ledger stream.
  std::uint64_t drop_oldest(Stream stream, std::uint64_t rows, std::string_view reason, WallTime wall, MonoTime mono);
  /// Gives numbers to so many events for which there is no room. They are kept (in `meta`) until tell_passed tells them
  /// as one gap, or more where rows came between.
  void pass_over(Stream stream, std::uint64_t rows, std::string_view reason, WallTime wall, MonoTime mono);
  void tell_passed(std::string_view reason, WallTime wall, MonoTime mono);
  std::uint64_t boot() const { return boot_; }
  std::uint64_t rows(Stream stream) const { return counter(stream).rows; }
  std::uint64_t gone(Stream stream) const { return counter(stream).gone; }
  std::uint64_t last_seq(Stream stream) const { return counter(stream).last_seq; }
  std::array<std::uint64_t, kStreams.size()> last_seqs() const;

 private:
  struct Gap {
    std::string stream;
    std::uint64_t first = 0, last = 0, count = 0;
    std::string reason, epoch;  ///< epoch: whose numbers they are; empty: this one's
  };
  struct Erasure {
    std::int64_t id = 0;
    Stream stream{};
    std::uint64_t seq = 0, upto = 0;
    std::string names;
  };
  Counter& counter(Stream stream) { return counters_[static_cast<std::size_t>(stream) - 1]; }
  const Counter& counter(Stream stream) const { return counters_[static_cast<std::size_t>(stream) - 1]; }
  void remove_upto(Stream stream, std::uint64_t upto);
  static std::optional<Gap> read_gap(const std::string& data);
  std::optional<Erasure> next_erasure();
  void blank_range(Stream stream, std::uint64_t after, std::uint64_t upto, const std::string& names);
  std::vector<Gap> gaps_upto(Stream stream, std::uint64_t upto);
  void tell(const Gap& gap, WallTime wall, MonoTime mono);
  void tell_passed(Stream stream, std::string_view reason, WallTime wall, MonoTime mono);
  void load_passed();
  void write_passed(Stream stream);

  Db& db_;
  const std::uint64_t boot_;
  std::array<Counter, kStreams.size()> counters_{};
  std::array<Counter, kStreams.size()> written_{};
  std::array<Passed, kStreams.size()> passed_{}, passed_written_{};
  WallTime newest_{};
  std::vector<StoredEvent> added_;
  bool blanking_ = true;
};

}  // namespace foyer::ledger
