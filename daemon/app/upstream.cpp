#include "app/upstream.hpp"

#include <spdlog/spdlog.h>

namespace foyer::app {

Upstream::Upstream(sync::Settings settings, ledger::Ledger& ledger, std::unique_ptr<ports::Publisher> publisher,
                   Mailbox& core, const ports::Clock& clock, ports::Timers& timers)
    : ledger_(ledger),
      publisher_(std::move(publisher)),
      core_(core),
      uplink_(std::move(settings), *this, *publisher_, clock, timers) {}

Result<void> Upstream::start() {
  const auto streams = ledger_.streams(std::chrono::seconds{10});
  if (!streams) return fail(streams);
  for (const auto& [stream, state] : *streams) uplink_.stored(stream, state.last_seq, state.acked);
  return publisher_->start(*this);
}

void Upstream::note(const std::vector<StoredEvent>& events) {
  for (const auto& event : events) latest_[static_cast<std::size_t>(event.event.stream)] = event.seq;
}

void Upstream::look() {
  const auto gone = ledger_.figures().gone;
  for (const auto stream : kStreams)
    uplink_.stored(stream, latest_[static_cast<std::size_t>(stream)], gone[static_cast<std::size_t>(stream) - 1]);
}

void Upstream::publish(ports::OutboundMessage message) {
  if (!publisher_->publish(std::move(message))) spdlog::warn("a reply to a command was lost: the line is down");
}

void Upstream::to_core(Mailbox::Task task) {
  // A report lost here costs no event: the missing PUBACK makes the pump reconnect and send again.
  if (!core_.try_post(std::move(task)) && !core_.closed()) publisher_->reconnect("the core loop is overloaded");
}

void Upstream::fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
                     std::function<void(Result<std::vector<StoredEvent>>)> done) {
  ledger_.fetch(stream, after, max_rows, [this, done = std::move(done)](Result<std::vector<StoredEvent>> rows) {
    to_core([done, rows = std::move(rows)] { done(rows); });
  });
}

/// Once: a database that was just given a new epoch is not to be suspected again, whatever an ingester says.
void Upstream::behind(Stream stream, std::uint64_t upto) {
  if (ledger_.opened().restored || std::exchange(told_behind_, true)) return;
  spdlog::critical("upstream has {} up to {}, more than was ever stored here: the database is an older copy",
                   to_string(stream), upto);
  ledger_.heard(stream, upto);
  if (behind_) behind_();
}

void Upstream::on_connected(const ports::PublisherLink& link) {
  to_core([this, link] {
    spdlog::info("upstream connected, receive maximum {}", link.receive_maximum);
    uplink_.connected(link);
  });
}

void Upstream::on_disconnected(const std::string& reason) {
  to_core([this, reason] {
    if (uplink_.status().last_error != reason) spdlog::warn("upstream: {}", reason);
    uplink_.disconnected(reason);
  });
}

void Upstream::on_acknowledged(std::uint64_t tag, std::uint8_t reason_code) {
  to_core([this, tag, reason_code] { uplink_.acknowledged(tag, reason_code); });
}

void Upstream::on_received(ports::InboundMessage message) {
  to_core([this, message = std::move(message)] {
    if (!uplink_.received(message) && downlink_) downlink_(message);
  });
}

}  // namespace foyer::app
