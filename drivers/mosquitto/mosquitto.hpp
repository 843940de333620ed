#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto.hpp"
#include "base/result.hpp"
#include "ports/publisher.hpp"

namespace foyer::drivers::mosquitto {

/// PEM files, read again on each connection, so that a renewed certificate needs a reconnect and no restart. TLS 1.2 at
/// least.
struct Tls {
  std::string ca;                ///< empty: the authorities the system trusts
  std::string certificate, key;  ///< the gateway's own; both or none; the key is not encrypted
};

struct Settings {
  std::string host;
  std::uint16_t port = 8883;
  std::string client_id;
  std::string username, password;  ///< empty username: none
  /// In the place of `password`: asked for on each connection, on the publisher's thread.
  std::function<Result<std::string>()> read_password;
  std::chrono::seconds keepalive{30};  ///< 5 s at least
  std::optional<Tls> tls;

  std::string will_topic, will_payload;    ///< retained, QoS 1; also said by stop(); empty topic: none
  std::vector<std::string> subscriptions;  ///< filters, QoS 1
  std::chrono::seconds session_expiry{0};  ///< so long the broker keeps what comes down for us; 0: not at all

  /// Files the line depends on (certificates, the password): once one has changed and then stands still for a look, a
  /// new connection is made.
  std::vector<std::string> files;
  std::chrono::milliseconds look_at_files{5'000};

  std::chrono::milliseconds backoff_min{1'000};       ///< the first pause is up to this long, each next up to twice
  std::chrono::milliseconds backoff_max{120'000};     ///< that, and never longer than this
  std::chrono::milliseconds settled{30'000};          ///< a connection that lived this long starts from the first pause
  std::chrono::milliseconds connect_timeout{20'000};  ///< from TCP being open to the last SUBACK
  std::size_t max_queue = 256;                        ///< messages waiting for a place in the window; more are refused
  std::uint32_t max_packet = 256 * 1024;              ///< bytes the broker may send at once; it drops what is larger
  Random random = kernel_random;                      ///< for the jitter
};

/// MQTT 5 on a thread of its own, which alone touches libmosquitto's handle and on which PublisherEvents is called.
/// A lost client is destroyed and a new one made, so the library never sends anything again by itself. With a session
/// expiry the broker's session goes on where it was: only what comes down is in it (docs/adr/0005).
///
/// Whatever fails (name, TCP, TLS, password, a subscription the broker does not grant) is told by on_disconnected with
/// the reason, once per attempt, and tried again for ever. A message the library itself refuses (a topic it cannot
/// take, larger than the broker's limit) is answered with an error code by on_acknowledged. on_received may come a
/// moment before on_connected: a broker may send what is retained before its SUBACK.
///
/// Resolving a name and opening a TCP connection block in the library. stop() waits for that no longer than its
/// deadline; then it leaves the thread to end by itself, and no event is reported any more.
std::unique_ptr<ports::Publisher> make_publisher(Settings settings);

}  // namespace foyer::drivers::mosquitto
