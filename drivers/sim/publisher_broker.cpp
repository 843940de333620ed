#include <algorithm>

#include "drivers/sim/publisher.hpp"

namespace foyer::drivers::sim {

namespace {

constexpr std::uint8_t kNoSubscribers = 0x10;

/// Cuts the first level off `rest`.
std::string_view level(std::string_view& rest) {
  const auto slash = rest.find('/');
  const auto first = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return first;
}

bool any_matches(const std::vector<std::string>& filters, std::string_view topic) {
  return std::any_of(filters.begin(), filters.end(), [&](const auto& filter) { return topic_matches(filter, topic); });
}

}  // namespace

bool topic_matches(std::string_view filter, std::string_view topic) {
  auto levels = [](std::string_view text) { return 1 + std::count(text.begin(), text.end(), '/'); };
  const auto topic_levels = levels(topic), filter_levels = levels(filter);
  for (std::ptrdiff_t i = 0; i < filter_levels; ++i) {
    const auto wanted = level(filter);
    if (wanted == "#") return true;
    if (i >= topic_levels) return false;
    const auto got = level(topic);
    if (wanted != "+" && wanted != got) return false;
  }
  return filter_levels == topic_levels;
}

void Broker::change(bool& flag, bool value) {
  std::vector<std::function<void()>> told;
  {
    std::lock_guard lock(mutex_);
    flag = value;
    for (const auto& [id, client] : clients_) told.push_back(client.changed);
  }
  for (const auto& changed : told) changed();
}

void Broker::set_up(bool up) { change(up_, up); }
void Broker::set_frozen(bool frozen) { change(frozen_, frozen); }
void Broker::set_listening(bool listening) { change(listening_, listening); }

void Broker::set_puback(std::uint8_t reason) {
  std::lock_guard lock(mutex_);
  puback_ = reason;
}

void Broker::send(ports::InboundMessage message) {
  std::vector<std::function<void(ports::InboundMessage)>> receivers;
  {
    std::lock_guard lock(mutex_);
    if (message.retained && message.payload.empty()) retained_.erase(message.topic);
    if (message.retained && !message.payload.empty()) retained_[message.topic] = message.payload;
    for (const auto& [id, client] : clients_)
      if (any_matches(client.filters, message.topic)) receivers.push_back(client.receive);
  }
  message.retained = false;  // MQTT 5, 3.3.1.3: set only for what was there before the subscription
  for (const auto& receive : receivers) receive(message);
}

std::vector<ports::OutboundMessage> Broker::messages() const {
  std::lock_guard lock(mutex_);
  return messages_;
}

std::string Broker::retained(const std::string& topic) const {
  std::lock_guard lock(mutex_);
  const auto it = retained_.find(topic);
  return it == retained_.end() ? std::string{} : it->second;
}

bool Broker::wait(const std::function<bool(const std::vector<ports::OutboundMessage>&)>& done,
                  std::chrono::milliseconds deadline) const {
  std::unique_lock lock(mutex_);
  return arrived_.wait_for(lock, deadline, [&] { return done(messages_); });
}

bool Broker::up() const {
  std::lock_guard lock(mutex_);
  return up_;
}

bool Broker::frozen() const {
  std::lock_guard lock(mutex_);
  return frozen_;
}

std::uint8_t Broker::take(const ports::OutboundMessage& message) {
  std::lock_guard lock(mutex_);
  const auto reason = puback_ != 0 ? puback_ : listening_ ? std::uint8_t{0} : kNoSubscribers;
  if (reason < 0x80) {
    messages_.push_back(message);
    if (message.retain) retained_[message.topic] = message.payload;
  }
  arrived_.notify_all();
  return reason;
}

std::vector<ports::InboundMessage> Broker::retained_for(const std::vector<std::string>& filters) const {
  std::lock_guard lock(mutex_);
  std::vector<ports::InboundMessage> found;
  for (const auto& [topic, payload] : retained_)
    if (any_matches(filters, topic)) found.push_back({topic, payload, {}, {}, true});
  return found;
}

std::uint64_t Broker::attach(std::vector<std::string> filters, std::function<void(ports::InboundMessage)> receive,
                             std::function<void()> changed) {
  std::lock_guard lock(mutex_);
  clients_[++last_id_] = {std::move(filters), std::move(receive), std::move(changed)};
  return last_id_;
}

void Broker::detach(std::uint64_t id) {
  std::lock_guard lock(mutex_);
  clients_.erase(id);
}

}  // namespace foyer::drivers::sim
