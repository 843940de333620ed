#include "drivers/hostapd/control.hpp"

#include <sys/socket.h>
#include <wpa_ctrl.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace foyer::drivers::hostapd {
namespace {

constexpr std::size_t kMaxReply = 4096;  // hostapd's own limit for a control reply

}  // namespace

void Control::Deleter::operator()(wpa_ctrl* control) const { wpa_ctrl_close(control); }

Result<Control> Control::open(const std::string& socket, const std::string& own_directory) {
  Control control(wpa_ctrl_open2(socket.c_str(), own_directory.c_str()));
  if (!control.control_) return fail(Code::retry, "hostapd {}: {}", socket, std::strerror(errno));
  return control;
}

int Control::descriptor() const { return wpa_ctrl_get_fd(control_.get()); }

Result<void> Control::send(const std::string& command) {
  if (::send(descriptor(), command.data(), command.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
  return fail(Code::retry, "hostapd: {}", std::strerror(errno));
}

Result<std::optional<std::string>> Control::next() {
  std::array<char, kMaxReply> message;
  const ssize_t got = ::recv(descriptor(), message.data(), message.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<std::string>{};
  if (got < 0) return fail(Code::retry, "hostapd: {}", std::strerror(errno));
  return std::optional(std::string(message.data(), static_cast<std::size_t>(got)));
}

}  // namespace foyer::drivers::hostapd
