#include "drivers/mosquitto/client.hpp"

#include <fmt/format.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <system_error>

namespace foyer::drivers::mosquitto {

namespace {

constexpr std::size_t kMaxPayload = 268'435'455;  // MQTT 5, 1.5.5: the largest variable byte integer
constexpr int kReadsInATurn = 16;                 // then the queue gets its turn
constexpr int kVerifyPeer = 1;                    // mosquitto_tls_opts_set: SSL_VERIFY_PEER
constexpr const char* kOldestTls = "tlsv1.2";     // and later; without it libmosquitto before 2.0.16 takes 1.1

/// mosquitto_lib_init is not thread-safe and must run once a process, whoever makes the first publisher.
void init_library() {
  static std::once_flag once;
  std::call_once(once, [] { mosquitto_lib_init(); });
}

class Properties {
 public:
  Properties() = default;
  ~Properties() { mosquitto_property_free_all(&list_); }
  Properties(const Properties&) = delete;
  Properties& operator=(const Properties&) = delete;

  int add(int id, const std::string& text) { return mosquitto_property_add_string(&list_, id, text.c_str()); }
  int add(int id, std::uint32_t value) { return mosquitto_property_add_int32(&list_, id, value); }
  int add_binary(int id, const std::string& bytes) {
    if (bytes.size() > UINT16_MAX) return MOSQ_ERR_INVAL;
    return mosquitto_property_add_binary(&list_, id, bytes.data(), static_cast<std::uint16_t>(bytes.size()));
  }
  const mosquitto_property* get() const { return list_; }

 private:
  mosquitto_property* list_ = nullptr;
};

std::string string_property(const mosquitto_property* list, int id) {
  char* value = nullptr;
  if (mosquitto_property_read_string(list, id, &value, false) == nullptr || value == nullptr) return {};
  std::string text(value);
  std::free(value);
  return text;
}

std::string binary_property(const mosquitto_property* list, int id) {
  void* value = nullptr;
  std::uint16_t size = 0;
  if (mosquitto_property_read_binary(list, id, &value, &size, false) == nullptr || value == nullptr) return {};
  std::string bytes(static_cast<const char*>(value), size);
  std::free(value);
  return bytes;
}

std::string system_error(int error) { return std::generic_category().message(error); }

/// What a code from the library means; errno as the library left it.
std::string library_error(int rc, int error) {
  if (rc == MOSQ_ERR_ERRNO) return system_error(error);
  if (rc == MOSQ_ERR_EAI) return gai_strerror(error);
  if (rc == MOSQ_ERR_KEEPALIVE) return "no answer within the keepalive";  // "Unknown error." before 2.0.12
  return mosquitto_strerror(rc);
}

/// The reason in the broker's own words, where it gave any.
std::string broker_reason(int code, const mosquitto_property* properties) {
  auto text = fmt::format("{} (0x{:02x})", mosquitto_reason_string(code), code);
  if (const auto more = string_property(properties, MQTT_PROP_REASON_STRING); !more.empty()) text += ": " + more;
  return text;
}

/// The MQTT 5 reason code for what the library would not send; 0: the connection is the trouble, not the message.
std::uint8_t refusal(int rc) {
  switch (rc) {
    case MOSQ_ERR_OVERSIZE_PACKET:
    case MOSQ_ERR_PAYLOAD_SIZE: return MQTT_RC_PACKET_TOO_LARGE;
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_MALFORMED_UTF8: return MQTT_RC_TOPIC_NAME_INVALID;
    case MOSQ_ERR_QOS_NOT_SUPPORTED: return MQTT_RC_QOS_NOT_SUPPORTED;
    case MOSQ_ERR_NOT_SUPPORTED:
    case MOSQ_ERR_DUPLICATE_PROPERTY: return MQTT_RC_UNSPECIFIED;
    default: return 0;
  }
}

/// An encrypted key must fail, not ask for its password on the terminal.
int no_password(char*, int, int, void*) { return 0; }

Result<void> readable(const std::string& what, const std::string& path) {
  if (path.empty() || access(path.c_str(), R_OK) == 0) return {};
  return fail(Code::retry, "TLS: {} {}: {}", what, path, system_error(errno));
}

}  // namespace

// noexcept: nothing may be thrown through the library's C frames.
struct Client::Callbacks {
  static Client& self(void* object) { return *static_cast<Client*>(object); }

  static void connect(::mosquitto*, void* object, int code, int flags, const mosquitto_property* properties) noexcept {
    auto& client = self(object);
    ++client.packets_;
    if (code != MQTT_RC_SUCCESS) {
      client.failure_ = "refused by the broker: " + broker_reason(code, properties);
      return;
    }
    std::uint16_t maximum = UINT16_MAX;  // MQTT 5, 3.2.2.3.3: absent means 65,535
    mosquitto_property_read_int16(properties, MQTT_PROP_RECEIVE_MAXIMUM, &maximum, false);
    client.link_.receive_maximum = maximum == 0 ? 1 : maximum;
    client.link_.session_present = (flags & 1) != 0;
    client.connack_ = true;
  }

  static void disconnect(::mosquitto*, void* object, int code, const mosquitto_property* properties) noexcept {
    auto& client = self(object);
    const int error = errno;
    if (!client.failure_.empty()) return;
    client.failure_ = code >= MQTT_RC_UNSPECIFIED ? "ended by the broker: " + broker_reason(code, properties)
                                                  : library_error(code, error);
  }

  static void subscribe(::mosquitto*, void* object, int, int count, const int* granted,
                        const mosquitto_property* properties) noexcept {
    auto& client = self(object);
    ++client.packets_;
    for (int i = 0; i < count; ++i)
      if (granted[i] >= MQTT_RC_UNSPECIFIED && client.failure_.empty())
        client.failure_ = fmt::format("subscription {} not granted: {}",
                                      client.settings_.subscriptions.at(static_cast<std::size_t>(i)),
                                      broker_reason(granted[i], properties));
    client.up_ = client.failure_.empty();
  }

  static void publish(::mosquitto*, void* object, int mid, int code, const mosquitto_property*) noexcept {
    auto& client = self(object);
    ++client.packets_;
    if (client.goodbye_ == Goodbye::on_its_way && mid == client.goodbye_mid_) client.goodbye_ = Goodbye::said;
    const auto it = client.in_flight_.find(mid);
    if (it == client.in_flight_.end()) return;
    const auto tag = it->second;
    client.in_flight_.erase(it);
    if (tag != 0) client.listener_.acknowledged(tag, static_cast<std::uint8_t>(code));
  }

  static void message(::mosquitto*, void* object, const mosquitto_message* message,
                      const mosquitto_property* properties) noexcept {
    auto& client = self(object);
    ++client.packets_;
    ports::InboundMessage inbound;
    inbound.topic = message->topic;
    inbound.payload.assign(static_cast<const char*>(message->payload), static_cast<std::size_t>(message->payloadlen));
    inbound.response_topic = string_property(properties, MQTT_PROP_RESPONSE_TOPIC);
    inbound.correlation = binary_property(properties, MQTT_PROP_CORRELATION_DATA);
    inbound.retained = message->retain;
    client.listener_.received(std::move(inbound));
  }

  // Runs with locks of the library held: it only keeps the text.
  static void log(::mosquitto*, void* object, int level, const char* text) noexcept {
    if (level == MOSQ_LOG_ERR) self(object).log_ = text;
  }
};

Client::Client(const Settings& settings, Listener& listener)
    : settings_(settings), listener_(listener), handle_(nullptr, &mosquitto_destroy) {
  init_library();
}

Client::~Client() = default;

Result<void> Client::connect() {
  if (auto configured = configure(); !configured) return configured;
  Properties properties;
  properties.add(MQTT_PROP_MAXIMUM_PACKET_SIZE, settings_.max_packet);
  if (settings_.session_expiry.count() > 0)
    properties.add(MQTT_PROP_SESSION_EXPIRY_INTERVAL, static_cast<std::uint32_t>(settings_.session_expiry.count()));
  errno = 0;
  const int rc = mosquitto_connect_bind_v5(handle_.get(), settings_.host.c_str(), settings_.port,
                                           static_cast<int>(settings_.keepalive.count()), nullptr, properties.get());
  if (rc == MOSQ_ERR_SUCCESS) return {};
  return lost(rc);
}

Result<void> Client::configure() {
  handle_.reset(mosquitto_new(settings_.client_id.c_str(), settings_.session_expiry.count() == 0, this));
  if (!handle_) return fail(Code::retry, "mosquitto_new: {}", system_error(errno));
  auto* handle = handle_.get();
  mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1);
  // Where the broker sets no limit the library must not set one of its own: has_room() is the window.
  mosquitto_int_option(handle, MOSQ_OPT_SEND_MAXIMUM, UINT16_MAX);
  mosquitto_connect_v5_callback_set(handle, &Callbacks::connect);
  mosquitto_disconnect_v5_callback_set(handle, &Callbacks::disconnect);
  mosquitto_subscribe_v5_callback_set(handle, &Callbacks::subscribe);
  mosquitto_publish_v5_callback_set(handle, &Callbacks::publish);
  mosquitto_message_v5_callback_set(handle, &Callbacks::message);
  mosquitto_log_callback_set(handle, &Callbacks::log);
  if (auto named = say_who(); !named) return named;
  if (!settings_.will_topic.empty()) {
    const auto& will = settings_.will_payload;
    const int rc = mosquitto_will_set_v5(handle, settings_.will_topic.c_str(), static_cast<int>(will.size()),
                                         will.data(), 1, true, nullptr);
    if (rc != 0) return fail(Code::retry, "will {}: {}", settings_.will_topic, mosquitto_strerror(rc));
  }
  return use_tls();
}

Result<void> Client::say_who() {
  if (settings_.username.empty()) return {};
  auto password = settings_.password;
  if (settings_.read_password) {
    auto read = settings_.read_password();
    if (!read) return fail(read);
    password = std::move(*read);
  }
  const int rc = mosquitto_username_pw_set(handle_.get(), settings_.username.c_str(),
                                           password.empty() ? nullptr : password.c_str());
  if (rc != MOSQ_ERR_SUCCESS) return fail(Code::retry, "username and password: {}", mosquitto_strerror(rc));
  return {};
}

Result<void> Client::use_tls() {
  if (!settings_.tls) return {};
  const auto& tls = *settings_.tls;
  // mosquitto_tls_set says only "invalid"; so the file is named here.
  for (const auto& checked :
       {readable("ca", tls.ca), readable("certificate", tls.certificate), readable("key", tls.key)})
    if (!checked) return checked;
  const auto path = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
  const char* system_authorities = tls.ca.empty() ? "/etc/ssl/certs" : nullptr;
  int rc = mosquitto_tls_set(handle_.get(), path(tls.ca), system_authorities, path(tls.certificate), path(tls.key),
                             &no_password);
  if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_tls_opts_set(handle_.get(), kVerifyPeer, kOldestTls, nullptr);
  if (rc != MOSQ_ERR_SUCCESS) return fail(Code::retry, "TLS settings: {}", mosquitto_strerror(rc));
  return {};
}

int Client::fd() const { return mosquitto_socket(handle_.get()); }

short Client::wanted() const {
  return static_cast<short>(POLLIN | (mosquitto_want_write(handle_.get()) ? POLLOUT : 0));
}

Result<void> Client::turn(short revents) {
  errno = 0;
  if ((revents & POLLOUT) != 0)
    if (const int rc = mosquitto_loop_write(handle_.get(), 1); rc != MOSQ_ERR_SUCCESS) return lost(rc);
  if (!connack_ && (revents & (POLLIN | POLLERR | POLLHUP)) != 0)
    if (auto open = check_half_open(); !open) return open;
  if (auto done = read(); !done) return done;
  if (connack_ && !subscribing_)
    if (auto done = subscribe(); !done) return done;
  errno = 0;
  if (const int rc = mosquitto_loop_misc(handle_.get()); rc != MOSQ_ERR_SUCCESS) return lost(rc);
  return {};
}

/// Reads until a read brings nothing: TLS may hold back whole packets that poll(2) cannot see.
Result<void> Client::read() {
  for (int i = 0; i < kReadsInATurn; ++i) {
    const auto before = packets_;
    errno = 0;
    const int rc = mosquitto_loop_read(handle_.get(), 1);
    if (rc != MOSQ_ERR_SUCCESS || !failure_.empty()) return lost(rc);
    if (packets_ == before) return {};
  }
  return {};
}

/// The library does not notice that the other side hangs up during the TLS handshake, and would spin.
Result<void> Client::check_half_open() const {
  char byte = 0;
  const auto got = recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got == 0) return fail(Code::retry, "the broker closed the connection before it answered (TLS or plain?)");
  if (got < 0 && errno != EAGAIN && errno != EINTR) return fail(Code::retry, "{}", system_error(errno));
  return {};
}

Result<void> Client::subscribe() {
  subscribing_ = true;
  mosquitto_log_callback_set(handle_.get(), nullptr);  // it costs an allocation a packet, and TLS has said its say
  if (settings_.subscriptions.empty()) {
    up_ = true;
    return {};
  }
  std::vector<char*> filters;
  for (const auto& filter : settings_.subscriptions) filters.push_back(const_cast<char*>(filter.c_str()));
  const int rc = mosquitto_subscribe_multiple(handle_.get(), nullptr, static_cast<int>(filters.size()), filters.data(),
                                              1, 0, nullptr);
  if (rc != MOSQ_ERR_SUCCESS) return lost(rc);
  return {};
}

Result<void> Client::publish(const ports::OutboundMessage& message) {
  Properties properties;
  int rc = MOSQ_ERR_SUCCESS;
  if (!message.content_type.empty()) rc = properties.add(MQTT_PROP_CONTENT_TYPE, message.content_type);
  if (rc == MOSQ_ERR_SUCCESS && !message.correlation.empty())
    rc = properties.add_binary(MQTT_PROP_CORRELATION_DATA, message.correlation);
  if (rc == MOSQ_ERR_SUCCESS && message.payload.size() > kMaxPayload) rc = MOSQ_ERR_PAYLOAD_SIZE;
  int mid = 0;
  errno = 0;
  if (rc == MOSQ_ERR_SUCCESS)
    rc = mosquitto_publish_v5(handle_.get(), &mid, message.topic.c_str(), static_cast<int>(message.payload.size()),
                              message.payload.data(), message.qos, message.retain, properties.get());
  if (rc == MOSQ_ERR_SUCCESS) {
    if (message.qos > 0)
      in_flight_.emplace(mid, message.tag);
    else if (message.tag != 0)
      listener_.acknowledged(message.tag, MQTT_RC_SUCCESS);
    return {};
  }
  if (const auto code = refusal(rc); code != 0) {
    if (message.tag != 0) listener_.acknowledged(message.tag, code);
    return {};
  }
  return lost(rc);
}

Result<void> Client::say_goodbye() {
  goodbye_ = Goodbye::said;
  if (settings_.will_topic.empty()) return {};
  const auto& will = settings_.will_payload;
  const int rc = mosquitto_publish_v5(handle_.get(), &goodbye_mid_, settings_.will_topic.c_str(),
                                      static_cast<int>(will.size()), will.data(), 1, true, nullptr);
  if (rc != MOSQ_ERR_SUCCESS) return lost(rc);
  goodbye_ = Goodbye::on_its_way;
  return {};
}

void Client::disconnect() { mosquitto_disconnect_v5(handle_.get(), MQTT_RC_NORMAL_DISCONNECTION, nullptr); }

Result<void> Client::lost(int rc) {
  const int error = errno;
  auto why = !failure_.empty() ? failure_ : library_error(rc, error);
  if (!log_.empty()) why += ": " + log_;
  return fail(Code::retry, "{}", why);
}

}  // namespace foyer::drivers::mosquitto
