#include "air.hpp"

#include <charconv>
#include <cstring>
#include <sstream>

namespace vradio {
namespace {

constexpr int default_rssi = -55;  // two devices on one counter

using Duration = std::chrono::steady_clock::duration;

Duration milliseconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(value));
}

std::optional<int> number(std::string_view text, int base = 10) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Bytes> hex(std::string_view text) {
  Bytes bytes;
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    const auto value = number(text.substr(at, 2), 16);
    if (!value) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(*value));
  }
  return bytes;
}

// "C0:00:00:00:00:01" as people write it, most significant first.
std::optional<Address> address(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  Address result{};
  for (std::size_t at = 0; at < 6; ++at) {
    const auto value = number(text.substr(at * 3, 2), 16);
    if (!value) return std::nullopt;
    result[5 - at] = static_cast<std::uint8_t>(*value);
  }
  return result;
}

// False when the word is unknown or its value wrong.
bool set_tag_word(Tag& tag, std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const auto key = word.substr(0, equals);
  const auto value = word.substr(equals + 1);
  if (key == "addr") {
    const auto parsed = address(value);
    if (parsed) tag.advert.address = *parsed;
    return parsed.has_value();
  }
  if (key == "data") {
    const auto parsed = hex(value);
    if (parsed && parsed->size() <= 31) tag.advert.data = *parsed;
    return parsed && parsed->size() <= 31;
  }
  const auto parsed = number(value);
  if (!parsed) return false;
  if (key == "rssi")
    tag.rssi = *parsed;
  else if (key == "jitter")
    tag.jitter = *parsed;
  else if (key == "every")
    tag.every_ms = std::max(1, *parsed);
  else if (key == "type")
    tag.advert.type = static_cast<std::uint8_t>(*parsed);
  else if (key == "random")
    tag.advert.address_type = *parsed != 0 ? 1 : 0;
  else
    return false;
  return true;
}

}  // namespace

Air::Air(std::size_t controllers) : next_(controllers) {
  for (std::size_t at = 0; at < controllers; ++at) {
    // A locally made, fixed address: the last byte is the number.
    controllers_.push_back(
        std::make_unique<Controller>(Address{static_cast<std::uint8_t>(at + 1), 0x01, 0xfe, 0x16, 0xaa, 0x00}));
  }
}

double Air::advertising_delay() { return std::uniform_real_distribution<double>(0.0, 10.0)(random_); }

int Air::loudness(int rssi, int jitter) {
  return jitter == 0 ? rssi : rssi + std::uniform_int_distribution<int>(-jitter, jitter)(random_);
}

std::optional<Time> Air::transmit(Time now) {
  std::optional<Time> soonest;
  const auto plan = [&](Time& next, double every_ms) {
    // From now, not from the missed time: an emulated machine that stalled must not send a burst.
    next = now + milliseconds(every_ms + advertising_delay());
  };
  for (std::size_t from = 0; from < controllers_.size(); ++from) {
    const auto advert = controllers_[from]->transmits();
    if (!advert) continue;
    if (next_[from] <= now) {
      for (std::size_t to = 0; to < controllers_.size(); ++to) {
        if (to == from) continue;  // a radio cannot hear itself
        const auto chosen = rssi_.find({from, to});
        controllers_[to]->hear(*advert,
                               static_cast<std::int8_t>(chosen == rssi_.end() ? default_rssi : chosen->second));
      }
      plan(next_[from], controllers_[from]->interval_ms());
    }
    if (!soonest || next_[from] < *soonest) soonest = next_[from];
  }
  for (auto& [name, tag] : tags_) {
    if (tag.next <= now) {
      for (auto& controller : controllers_)
        controller->hear(tag.advert, static_cast<std::int8_t>(loudness(tag.rssi, tag.jitter)));
      plan(tag.next, tag.every_ms);
    }
    if (!soonest || tag.next < *soonest) soonest = tag.next;
  }
  return soonest;
}

std::string Air::control(std::string_view line, Time now) {
  std::istringstream stream{std::string(line)};
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (words.empty()) return "error: empty line";
  if (words[0] == "state") return state();
  if (words[0] == "tag") return set_tag(words, now);
  return set_fault(words);
}

std::string Air::set_tag(const Words& words, Time now) {
  if (words.size() < 3) return "error: tag NAME off | tag NAME key=value…";
  if (words[2] == "off") return tags_.erase(words[1]) > 0 ? "ok" : "error: no such tag";
  Tag tag = tags_.contains(words[1]) ? tags_[words[1]] : Tag{};
  for (std::size_t at = 2; at < words.size(); ++at) {
    if (!set_tag_word(tag, words[at])) return "error: " + words[at];
  }
  tag.next = now;
  tags_[words[1]] = tag;
  return "ok";
}

std::string Air::set_fault(const Words& words) {
  const auto which = words.size() > 1 ? number(words[1]) : std::nullopt;
  if (!which || *which < 0 || static_cast<std::size_t>(*which) >= controllers_.size())
    return "error: which controller?";
  Controller& controller = *controllers_[static_cast<std::size_t>(*which)];
  const bool on = words.size() > 2 && words[2] == "on";
  if (words[0] == "deaf") {
    controller.faults.until_reset = words.size() > 2 && words[2] == "reset";
    controller.faults.deaf = on || controller.faults.until_reset;
  } else if (words[0] == "hung")
    controller.faults.hung = on;
  else if (words[0] == "strict")
    controller.faults.strict_duplicates = on;
  else if (words[0] == "hwerror")
    controller.hardware_error();
  else if (words[0] == "unplug")
    controller.unplug();
  else if (words[0] == "plug")
    return controller.plug() ? "ok" : std::string("error: ") + std::strerror(errno);
  else if (words[0] == "rssi" && words.size() == 4 && number(words[2]) && number(words[3]))
    rssi_[{static_cast<std::size_t>(*which), static_cast<std::size_t>(*number(words[2]))}] = *number(words[3]);
  else if (words[0] == "refuse" && words.size() == 5 && number(words[2], 16) && number(words[3], 16) &&
           number(words[4]))
    controller.faults.refusals[static_cast<std::uint16_t>(*number(words[2], 16))] = {
        static_cast<std::uint8_t>(*number(words[3], 16)), *number(words[4])};
  else
    return "error: " + words[0];
  return "ok";
}

std::string Air::state() const {
  std::string text = R"({"controllers":[)";
  for (const auto& controller : controllers_) text += (text.back() == '[' ? "" : ",") + controller->describe();
  return text + R"(],"tags":)" + std::to_string(tags_.size()) + "}";
}

}  // namespace vradio
