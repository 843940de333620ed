#include "drivers/hostapd/control.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <wpa_ctrl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace foyer::drivers::hostapd {
namespace {

constexpr long kDeadlineMs = 250;
constexpr std::size_t kMaxReply = 4096;  // hostapd's own limit for a control reply

long now_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

void Control::Deleter::operator()(wpa_ctrl* control) const { wpa_ctrl_close(control); }

Result<Control> Control::open(const std::string& socket, const std::string& own_directory) {
  Control control(wpa_ctrl_open2(socket.c_str(), own_directory.c_str()));
  if (!control.control_) return fail(Code::retry, "hostapd {}: {}", socket, std::strerror(errno));
  return control;
}

int Control::descriptor() const { return wpa_ctrl_get_fd(control_.get()); }

Result<std::string> Control::ask(const std::string& command) {
  const long end = now_ms() + kDeadlineMs;
  if (::send(descriptor(), command.data(), command.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    return fail(Code::retry, "hostapd: {}", std::strerror(errno));
  for (;;) {
    pollfd readable{descriptor(), POLLIN, 0};
    const long left = end - now_ms();
    if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) == 0)
      return fail(Code::retry, "hostapd: no answer within {} ms", kDeadlineMs);
    std::array<char, kMaxReply> reply;
    const ssize_t got = ::recv(descriptor(), reply.data(), reply.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return fail(Code::retry, "hostapd: {}", std::strerror(errno));
    if (got > 0 && reply[0] == '<') continue;
    return std::string(reply.data(), static_cast<std::size_t>(got));
  }
}

Result<std::optional<std::string>> Control::next_event() {
  std::array<char, kMaxReply> message;
  const ssize_t got = ::recv(descriptor(), message.data(), message.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<std::string>{};
  if (got < 0) return fail(Code::retry, "hostapd: {}", std::strerror(errno));
  std::string text(message.data(), static_cast<std::size_t>(got));
  if (text.starts_with('<')) text.erase(0, std::min(text.size(), text.find('>') + 1));
  return std::optional(std::move(text));
}

}  // namespace foyer::drivers::hostapd
