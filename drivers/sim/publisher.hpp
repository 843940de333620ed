#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "ports/publisher.hpp"

/// A broker in memory and the Publisher that talks to it: for tests and scenarios that need no network.
namespace foyer::drivers::sim {

/// True when an MQTT topic filter (with + and #) covers the topic.
bool topic_matches(std::string_view filter, std::string_view topic);

/// Keeps what was published and answers as a broker would. Any thread; the mutex is what makes it so.
class Broker {
 public:
  void set_up(bool up);                  ///< down: connections are cut and refused
  void set_frozen(bool frozen);          ///< frozen: takes what comes up to the receive maximum, answers nothing
  void set_listening(bool listening);    ///< false: nobody subscribes upstream, so PUBACK says 0x10
  void set_puback(std::uint8_t reason);  ///< the answer to every message from now on, unless 0x10 applies

  /// From upstream to whoever subscribes; kept when retained (an empty payload takes it away).
  void send(ports::InboundMessage message);

  std::vector<ports::OutboundMessage> messages() const;  ///< all that arrived, wills and goodbyes too, in order
  std::string retained(const std::string& topic) const;  ///< empty: none
  /// Waits until `done(messages)`; false after the deadline.
  bool wait(const std::function<bool(const std::vector<ports::OutboundMessage>&)>& done,
            std::chrono::milliseconds deadline) const;

  // The publisher's side -----------------------------------------------------------------------------------
  bool up() const;
  bool frozen() const;
  std::uint8_t take(const ports::OutboundMessage& message);  ///< the PUBACK reason
  std::vector<ports::InboundMessage> retained_for(const std::vector<std::string>& filters) const;
  /// `receive` and `changed` are called on the thread that causes them, never while the broker's mutex is held.
  std::uint64_t attach(std::vector<std::string> filters, std::function<void(ports::InboundMessage)> receive,
                       std::function<void()> changed);
  void detach(std::uint64_t id);

 private:
  struct Client {
    std::vector<std::string> filters;
    std::function<void(ports::InboundMessage)> receive;
    std::function<void()> changed;
  };
  void change(bool& flag, bool value);

  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  std::vector<ports::OutboundMessage> messages_;
  std::map<std::string, std::string> retained_;
  std::map<std::uint64_t, Client> clients_;
  std::uint64_t last_id_ = 0;
  bool up_ = true, frozen_ = false, listening_ = true;
  std::uint8_t puback_ = 0;
};

struct PublisherSettings {
  std::string will_topic, will_payload;
  std::vector<std::string> subscriptions;
  std::uint16_t receive_maximum = 20;
  std::size_t max_queue = 256;
  std::chrono::milliseconds backoff{10};
};

/// On a thread of its own, as the real one. The broker must outlive it.
std::unique_ptr<ports::Publisher> make_publisher(PublisherSettings settings, Broker& broker);

}  // namespace foyer::drivers::sim
