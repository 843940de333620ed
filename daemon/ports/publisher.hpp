#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace foyer::ports {

struct OutboundMessage {
  std::uint64_t tag = 0;  ///< comes back in on_acknowledged; 0: not interested
  std::string topic;
  std::string payload;
  std::string content_type;  ///< MQTT 5 property; may be empty
  std::string correlation;   ///< MQTT 5 correlation data; may be empty
  int qos = 1;
  bool retain = false;
};

struct InboundMessage {
  std::string topic;
  std::string payload;
  std::string response_topic;
  std::string correlation;
  bool retained = false;
};

struct PublisherLink {
  std::uint16_t receive_maximum = 20;  ///< how many QoS 1 messages the broker takes at once
  bool session_present = false;
};

/// Where a Publisher reports. Called on the publisher's thread: post to the core and return.
class PublisherEvents {
 public:
  virtual ~PublisherEvents() = default;
  virtual void on_connected(const PublisherLink& link) = 0;     ///< subscriptions are in
  virtual void on_disconnected(const std::string& reason) = 0;  ///< everything unacknowledged is forgotten here
  virtual void on_acknowledged(std::uint64_t tag, std::uint8_t reason_code) = 0;  ///< MQTT 5 PUBACK reason
  virtual void on_received(InboundMessage message) = 0;
};

/// The line upstream. It connects, and connects again with full-jitter back-off, by itself and for ever.
class Publisher {
 public:
  virtual ~Publisher() = default;
  virtual Result<void> start(PublisherEvents& events) = 0;
  /// Any thread. False: not connected, or the bounded queue is full; nothing was taken.
  [[nodiscard]] virtual bool publish(OutboundMessage message) = 0;
  /// Drops the connection and makes a new one after a back-off. Any thread.
  virtual void reconnect(const std::string& why) = 0;
  /// Says goodbye (state offline) within the deadline and ends the thread.
  virtual void stop(std::chrono::milliseconds deadline) = 0;
};

}  // namespace foyer::ports
