#include "sync/lane.hpp"

#include <algorithm>

namespace foyer::sync {

void Lane::stored(std::uint64_t last_seq, std::uint64_t acked, MonoTime now) {
  stored_ = std::max({stored_, last_seq, acked});
  if (acked > acked_) advance(acked, now);
}

bool Lane::wants_rows() const {
  return !fetching_since_ && head_ == rows_.size() && cursor_ < stored_ && stored_ > empty_at_;
}

Lane::Fetch Lane::begin_fetch(MonoTime now) {
  fetching_since_ = now;
  asked_at_ = stored_;
  return {cursor_, ++fetch_id_};
}

bool Lane::fetch_failed(std::uint64_t id) {
  if (!fetching_since_ || id != fetch_id_) return false;
  fetching_since_.reset();
  return true;
}

bool Lane::fetched(std::uint64_t id, std::vector<StoredEvent> rows) {
  if (!fetching_since_ || id != fetch_id_) return false;
  fetching_since_.reset();
  if (rows.empty()) empty_at_ = asked_at_;
  // acked may have moved over rows while they were on their way, even over all of them: then there may be more behind.
  std::erase_if(rows, [this](const StoredEvent& row) { return row.seq <= cursor_; });
  rows_ = std::move(rows);
  head_ = 0;
  if (!rows_.empty()) stored_ = std::max(stored_, rows_.back().seq);  // the word of a commit may come after its rows
  return true;
}

std::optional<MonoTime> Lane::fetching_since() const { return fetching_since_; }

void Lane::give_up_fetch() { fetching_since_.reset(); }

std::span<const StoredEvent> Lane::ready() const { return std::span(rows_).subspan(head_); }

std::size_t Lane::sent(std::uint64_t tag, std::size_t count, MonoTime now) {
  const auto batch = ready().first(count);
  const auto again = static_cast<std::size_t>(
      std::count_if(batch.begin(), batch.end(), [this](const StoredEvent& row) { return row.seq <= sent_high_; }));
  if (cursor_ == acked_) progress_at_ = now;
  batches_.push_back({tag, cursor_, batch.back().seq, false});
  cursor_ = batch.back().seq;
  sent_high_ = std::max(sent_high_, cursor_);
  head_ += count;
  if (head_ == rows_.size()) {
    rows_.clear();
    head_ = 0;
  }
  return again;
}

bool Lane::safe(std::uint64_t tag, MonoTime now) {
  const auto it = std::find_if(batches_.begin(), batches_.end(), [tag](const Batch& b) { return b.tag == tag; });
  if (it == batches_.end()) return false;
  it->safe = true;
  std::uint64_t upto = acked_;
  while (!batches_.empty() && batches_.front().safe) {
    upto = std::max(upto, batches_.front().last);
    batches_.pop_front();
  }
  return upto > acked_ && advance(upto, now);
}

void Lane::taken(std::uint64_t tag) {
  std::erase_if(batches_, [tag](const Batch& batch) { return batch.tag == tag; });
}

std::optional<bool> Lane::watermark(std::uint64_t upto, MonoTime now) {
  if (upto > stored_ || upto < acked_) return std::nullopt;
  claimed_ = std::max(claimed_, upto);
  const auto believed = std::min(claimed_, sent_high_);
  return believed > acked_ && advance(believed, now);
}

bool Lane::refused(std::uint64_t tag) {
  const auto it = std::find_if(batches_.begin(), batches_.end(), [tag](const Batch& b) { return b.tag == tag; });
  if (it == batches_.end()) return false;
  const auto after = it->after;
  batches_.erase(it, batches_.end());
  go_back(after);
  return true;
}

void Lane::rewind(MonoTime now) {
  batches_.clear();
  go_back(acked_);
  progress_at_ = now;
}

void Lane::go_back(std::uint64_t cursor) {
  cursor_ = std::max(cursor, acked_);
  rows_.clear();
  head_ = 0;
  give_up_fetch();  // what it brings is not wanted, and it may never come
  empty_at_ = 0;
}

bool Lane::advance(std::uint64_t acked, MonoTime now) {
  acked_ = acked;
  progress_at_ = now;
  if (acked_ > cursor_) {
    cursor_ = acked_;
    while (head_ < rows_.size() && rows_[head_].seq <= cursor_) ++head_;
  }
  return true;
}

}  // namespace foyer::sync
