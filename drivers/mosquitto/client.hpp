#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.hpp"
#include "drivers/mosquitto/mosquitto.hpp"
#include "ports/publisher.hpp"

struct mosquitto;

namespace foyer::drivers::mosquitto {

/// One connection, from its making to its loss: libmosquitto's handle and what is in flight on it. One thread; every
/// failure is final, then destroy it. What arrives is told to the listener on the same thread, inside turn().
class Client {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void acknowledged(std::uint64_t tag, std::uint8_t reason_code) = 0;
    virtual void received(ports::InboundMessage message) = 0;
  };

  Client(const Settings& settings, Listener& listener);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Sends CONNECT. Blocks while the name is resolved and TCP opens.
  Result<void> connect();

  int fd() const;
  short wanted() const;  ///< poll(2) events
  /// After poll(2), or a second: reads, writes, keeps alive, subscribes after CONNACK.
  Result<void> turn(short revents);

  bool up() const { return up_; }  ///< connected, all subscriptions granted
  const ports::PublisherLink& link() const { return link_; }

  bool has_room() const { return in_flight_.size() < link_.receive_maximum; }
  /// A message the library cannot take is answered through the listener and is no failure here.
  Result<void> publish(const ports::OutboundMessage& message);
  /// Publishes settings.will_* as the broker would; said_goodbye() when it is acknowledged (at once without a will).
  Result<void> say_goodbye();
  bool said_goodbye() const { return goodbye_ == Goodbye::said; }
  /// DISCONNECT: the broker throws the will away.
  void disconnect();

 private:
  struct Callbacks;
  enum class Goodbye { not_yet, on_its_way, said };

  Result<void> configure();
  Result<void> say_who();
  Result<void> use_tls();
  Result<void> read();
  Result<void> subscribe();
  Result<void> check_half_open() const;
  Result<void> lost(int rc);

  const Settings& settings_;
  Listener& listener_;
  std::unique_ptr<::mosquitto, void (*)(::mosquitto*)> handle_;
  ports::PublisherLink link_;
  bool connack_ = false, subscribing_ = false, up_ = false;
  Goodbye goodbye_ = Goodbye::not_yet;
  int goodbye_mid_ = 0;
  std::uint64_t packets_ = 0;  ///< callbacks so far: whether a read brought anything
  std::string failure_;        ///< the first reason a callback learned of
  std::string log_;            ///< the library's last error text: the only place where TLS says why
  std::unordered_map<int, std::uint64_t> in_flight_;  ///< packet id → tag, QoS 1
};

}  // namespace foyer::drivers::mosquitto
