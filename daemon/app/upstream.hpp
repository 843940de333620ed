#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>

#include "base/mailbox.hpp"
#include "ledger/ledger.hpp"
#include "ports/publisher.hpp"
#include "sync/uplink.hpp"

namespace foyer::app {

/// Joins the pump with the ledger and the publisher: what they report on their threads is brought to the core by its
/// mailbox. Core thread, but for the calls it makes cross.
class Upstream final : private sync::Outbox, private ports::PublisherEvents {
 public:
  Upstream(sync::Settings settings, ledger::Ledger& ledger, std::unique_ptr<ports::Publisher> publisher, Mailbox& core,
           const ports::Clock& clock, ports::Timers& timers);

  Result<void> start();
  /// Ledger thread, after a commit: how far a stream goes now.
  void note(const std::vector<StoredEvent>& events);
  /// Tells the pump what was noted, and what is gone (also what was dropped: nobody will acknowledge it).
  void look();
  /// Who gets what is not the pump's own (watermarks). Set before start().
  void on_downlink(std::function<void(const ports::InboundMessage&)> fn) { downlink_ = std::move(fn); }
  /// The ingester has what this database never stored; told to the ledger already. Set before start().
  void on_behind(std::function<void()> fn) { behind_ = std::move(fn); }
  /// Any thread. Lost when the line is down: whoever asked will ask again.
  void publish(ports::OutboundMessage message);
  sync::UplinkStatus status() const { return uplink_.status(); }
  void stop(std::chrono::milliseconds deadline) { publisher_->stop(deadline); }

 private:
  void fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
             std::function<void(Result<std::vector<StoredEvent>>)> done) override;
  void forget(Stream stream, std::uint64_t upto) override { ledger_.forget(stream, upto); }
  void behind(Stream stream, std::uint64_t upto) override;

  void on_connected(const ports::PublisherLink& link) override;
  void on_disconnected(const std::string& reason) override;
  void on_acknowledged(std::uint64_t tag, std::uint8_t reason_code) override;
  void on_received(ports::InboundMessage message) override;
  void to_core(Mailbox::Task task);

  ledger::Ledger& ledger_;
  std::unique_ptr<ports::Publisher> publisher_;
  Mailbox& core_;
  sync::Uplink uplink_;
  std::function<void(const ports::InboundMessage&)> downlink_;
  std::function<void()> behind_;
  bool told_behind_ = false;
  std::array<std::atomic<std::uint64_t>, 4> latest_{};  // by stream; written by the ledger's thread
};

}  // namespace foyer::app
