#pragma once

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace foyer::test {

struct MqttMessage {
  std::string topic, payload, content_type, correlation, response_topic;
  int qos = 0;
  bool retained = false;
};

/// The other end of the line: an MQTT 5 client for tests, on a thread of its own. It comes back by itself when the
/// broker does, and subscribes again.
class MqttClient {
 public:
  struct Options {
    std::string id = "observer", username, password;
    std::uint32_t session_expiry = 0;  ///< seconds; above 0 the broker keeps the session, and messages for it
  };

  /// `on_message` is called on the client's thread, without a lock, before the message is kept.
  MqttClient(std::uint16_t port, std::vector<std::string> filters)
      : MqttClient(port, std::move(filters), Options{}, {}) {}
  MqttClient(std::uint16_t port, std::vector<std::string> filters, Options options,
             std::function<void(MqttClient&, const MqttMessage&)> on_message = {})
      : port_(port), filters_(std::move(filters)), options_(std::move(options)), on_message_(std::move(on_message)) {
    mosquitto_lib_init();
    handle_ = mosquitto_new(options_.id.c_str(), options_.session_expiry == 0, this);
    if (handle_ == nullptr) throw std::runtime_error("mosquitto_new");
    mosquitto_threaded_set(handle_, true);
    mosquitto_int_option(handle_, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(handle_, MOSQ_OPT_TCP_NODELAY, 1);
    if (!options_.username.empty())
      mosquitto_username_pw_set(handle_, options_.username.c_str(), options_.password.c_str());
    mosquitto_connect_v5_callback_set(handle_, [](mosquitto* handle, void* self, int code, int, const auto*) {
      if (code == 0) static_cast<MqttClient*>(self)->subscribe(handle);
    });
    mosquitto_subscribe_callback_set(
        handle_, [](mosquitto*, void* self, int, int, const int*) { static_cast<MqttClient*>(self)->set_ready(true); });
    mosquitto_message_v5_callback_set(
        handle_, [](mosquitto*, void* self, const mosquitto_message* message, const mosquitto_property* properties) {
          static_cast<MqttClient*>(self)->arrived(*message, properties);
        });
    thread_ = std::thread([this] { run(); });
  }
  ~MqttClient() {
    stopping_ = true;
    thread_.join();
    mosquitto_destroy(handle_);
  }
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  /// Connected, and the subscriptions are in.
  bool wait_ready(std::chrono::milliseconds deadline = std::chrono::seconds{10}) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, deadline, [this] { return ready_; });
  }
  /// Waits until `done(all messages so far)`. False after the deadline.
  bool wait(const std::function<bool(const std::vector<MqttMessage>&)>& done,
            std::chrono::milliseconds deadline = std::chrono::seconds{10}) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, deadline, [&] { return done(messages_); });
  }
  std::vector<MqttMessage> messages() const {
    std::lock_guard lock(mutex_);
    return messages_;
  }

  /// QoS 1. Any thread.
  void publish(const MqttMessage& message) {
    mosquitto_property* properties = nullptr;
    if (!message.response_topic.empty())
      mosquitto_property_add_string(&properties, MQTT_PROP_RESPONSE_TOPIC, message.response_topic.c_str());
    if (!message.correlation.empty())
      mosquitto_property_add_binary(&properties, MQTT_PROP_CORRELATION_DATA, message.correlation.data(),
                                    static_cast<std::uint16_t>(message.correlation.size()));
    mosquitto_publish_v5(handle_, nullptr, message.topic.c_str(), static_cast<int>(message.payload.size()),
                         message.payload.data(), 1, message.retained, properties);
    mosquitto_property_free_all(&properties);
  }

 private:
  void run() {
    mosquitto_property* properties = nullptr;
    if (options_.session_expiry > 0)
      mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, options_.session_expiry);
    int rc = mosquitto_connect_bind_v5(handle_, "127.0.0.1", port_, 30, nullptr, properties);
    mosquitto_property_free_all(&properties);
    while (!stopping_) {
      if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_loop(handle_, 20, 1);
      if (rc == MOSQ_ERR_SUCCESS) continue;
      set_ready(false);
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
      rc = mosquitto_reconnect(handle_);
    }
    mosquitto_disconnect(handle_);
    mosquitto_loop(handle_, 20, 1);
  }
  void subscribe(mosquitto* handle) {
    if (filters_.empty()) return set_ready(true);
    std::vector<char*> filters;
    for (auto& filter : filters_) filters.push_back(filter.data());
    mosquitto_subscribe_multiple(handle, nullptr, static_cast<int>(filters.size()), filters.data(), 1, 0, nullptr);
  }
  void set_ready(bool ready) {
    std::lock_guard lock(mutex_);
    ready_ = ready;
    changed_.notify_all();
  }
  static std::string text(const mosquitto_property* properties, int id) {
    char* value = nullptr;
    mosquitto_property_read_string(properties, id, &value, false);
    std::string text = value != nullptr ? value : "";
    std::free(value);
    return text;
  }
  void arrived(const mosquitto_message& message, const mosquitto_property* properties) {
    void* data = nullptr;
    std::uint16_t size = 0;
    mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &data, &size, false);
    MqttMessage kept;
    kept.topic = message.topic;
    kept.payload.assign(static_cast<const char*>(message.payload), static_cast<std::size_t>(message.payloadlen));
    kept.content_type = text(properties, MQTT_PROP_CONTENT_TYPE);
    kept.response_topic = text(properties, MQTT_PROP_RESPONSE_TOPIC);
    if (data != nullptr) kept.correlation.assign(static_cast<const char*>(data), size);
    kept.qos = message.qos;
    kept.retained = message.retain;
    std::free(data);
    if (on_message_) on_message_(*this, kept);
    std::lock_guard lock(mutex_);
    messages_.push_back(std::move(kept));
    changed_.notify_all();
  }

  const std::uint16_t port_;
  std::vector<std::string> filters_;
  const Options options_;
  const std::function<void(MqttClient&, const MqttMessage&)> on_message_;
  mosquitto* handle_ = nullptr;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<MqttMessage> messages_;
  bool ready_ = false;
  std::thread thread_;
};

}  // namespace foyer::test
