#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event.hpp"
#include "base/result.hpp"
#include "ports/clock.hpp"
#include "ports/publisher.hpp"
#include "ports/timers.hpp"

/// The outbox pump: reads what the ledger wrote, publishes it in batches, and lets rows go when they are safe. Core
/// thread only. Delivery is at least once and in order of seq within a connection; the event id makes it exactly once
/// for an ingester that remembers ids.
namespace foyer::sync {

struct Identity {
  std::string tenant, store, gateway, epoch;
  std::string base() const;    ///< foyer/v1/{tenant}/{store}/{gateway}
  std::string source() const;  ///< /{tenant}/{store}/{gateway}
};

/// The ledger's side, as the pump needs it. `done` is called on the core thread, once, inside fetch or later; an
/// answer that comes when the pump is gone is ignored.
class Outbox {
 public:
  virtual ~Outbox() = default;
  virtual void fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
                     std::function<void(Result<std::vector<StoredEvent>>)> done) = 0;
  virtual void forget(Stream stream, std::uint64_t upto) = 0;
  /// The ingester has rows of this epoch that were never stored here: somebody put an older copy in the place of the
  /// database, and the numbers of new rows are those of rows it already has.
  virtual void behind(Stream stream, std::uint64_t upto) = 0;
};

enum class Acknowledge { broker, application };

struct Settings {
  Identity identity;
  Acknowledge acknowledge = Acknowledge::broker;
  std::size_t max_batch_bytes = 64 * 1024;
  std::size_t max_batch_rows = 500;
  std::size_t window = 32;        ///< batches in flight at most; the broker may allow fewer
  std::size_t backlog_start = 4;  ///< … of what waits on a new connection; then as it goes
  /// Of the oldest batch in flight, from when it became that: batches are answered in order (MQTT 5, 4.6), and one
  /// behind others on a slow line is not late. Then a new connection.
  std::chrono::milliseconds puback_timeout{20'000};
  std::chrono::milliseconds watermark_timeout{30'000};  ///< application: then what was sent is sent again
  /// After 0x10 or a refusal, before one batch of the same rows goes again; then twice that, and so on to the longest.
  std::chrono::milliseconds refused_delay{5'000}, longest_refused_delay{120'000};
  std::string version;  ///< of this program, for …/state
  std::string since;    ///< when it started, RFC 3339, for …/state
};

struct UplinkStatus {
  bool connected = false;
  std::string last_error;
  std::size_t window = 0;          ///< batches that may be in flight on this connection
  std::size_t backlog_window = 0;  ///< … of presence and health, as the line keeps up (sync/pace.hpp)
  struct PerStream {
    std::uint64_t acked = 0;           ///< rows <= this are safe upstream
    std::uint64_t sent = 0;            ///< cursor
    std::size_t in_flight = 0;         ///< batches
    std::uint64_t refused = 0;         ///< batches the broker did not take (0x10 or an error code)
    std::uint64_t resent = 0;          ///< rows sent more than once
    std::uint64_t ignored = 0;         ///< watermarks not used: malformed, another epoch, lower, above what is stored
    std::optional<WallTime> acked_at;  ///< when rows of this run were last acknowledged
  };
  std::map<Stream, PerStream> streams;
};

/// Serves the streams in the order ledger, presence, health; the last two leave a quarter of the window to the first.
/// All go no faster than the line keeps up, so that a new event is not behind a backlog in the line's buffers.
/// On each connection it says first that the gateway is online (retained …/state); the will that takes it back is the
/// publisher's.
class Uplink {
 public:
  Uplink(Settings settings, Outbox& outbox, ports::Publisher& publisher, const ports::Clock& clock,
         ports::Timers& timers);
  ~Uplink();

  /// Rows are there up to this seq; call after every commit, and once at start with what the ledger says.
  void stored(Stream stream, std::uint64_t last_seq, std::uint64_t acked);
  // The publisher's reports, brought to the core thread by the app.
  void connected(const ports::PublisherLink& link);
  void disconnected(const std::string& reason);
  void acknowledged(std::uint64_t tag, std::uint8_t reason_code);
  /// True when the message was one of the uplink's own (…/ack/…). A watermark above what this process has sent but not
  /// above what is stored is the ingester remembering an earlier run: it counts as far as was sent, and later as the
  /// rest is.
  bool received(const ports::InboundMessage& message);

  UplinkStatus status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace foyer::sync
