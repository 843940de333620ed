#include "config/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "config/config.hpp"

namespace foyer::config {
namespace {

constexpr std::size_t kMostSecretBytes = 64 * 1024;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Bytes of the UTF-8 sequence at the front of `text`; 0: none is there (RFC 3629 section 4).
std::size_t sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
  return whole && port > 0 && text[0] != '0' ? std::optional{port} : std::nullopt;
}

/// Closes the descriptor at the end of a scope.
struct Descriptor {
  int fd;
  explicit Descriptor(int opened) : fd(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

std::optional<Place> first_bad_byte(std::string_view text) {
  Place at{1, 1};
  while (!text.empty()) {
    const char c = text.front();
    const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f;
    const std::size_t length = control ? 0 : sequence(text);
    if (length == 0) return at;
    at = c == '\n' ? Place{at.line + 1, 1} : Place{at.line, at.column + static_cast<int>(length)};
    text.remove_prefix(length);
  }
  return std::nullopt;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::ranges::all_of(label, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; })) return false;
    if (dot == std::string_view::npos) return !std::ranges::all_of(label, is_digit);  // 10.77.0.300 is no name
    text.remove_prefix(dot + 1);
  }
}

bool is_host(std::string_view text) { return is_host_name(text) || parse_ip(text).has_value(); }

bool is_interface(std::string_view text) {
  return !text.empty() && text.size() <= 15 && text != "." && text != ".." && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  });
}

bool is_adapter(std::string_view text) {
  if (text == "auto" || parse_mac(text)) return true;
  const auto digits = text.substr(std::min<std::size_t>(3, text.size()));
  return text.starts_with("hci") && !digits.empty() && digits.size() <= 3 && std::ranges::all_of(digits, is_digit);
}

bool is_colour(std::string_view text) {
  return text.size() == 7 && text[0] == '#' && std::ranges::all_of(text.substr(1), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

std::optional<Listen> parse_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = parse_ip(host);
  const auto port = parse_port(text.substr(colon + 1));
  const bool six = host.find(':') != std::string_view::npos;
  if (!address || !port || six != brackets) return std::nullopt;
  return Listen{*address, *port};
}

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const auto no = [&](int error) { return fail(Code::refuse, "{}: {}", path, std::strerror(error)); };
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd < 0) return no(errno);
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) return no(errno);
  if (S_ISDIR(status.st_mode)) return no(EISDIR);
  std::string content;
  char buffer[16 * 1024];
  while (true) {
    const auto got = ::read(file.fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return no(errno);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > most) return fail(Code::refuse, "{}: larger than {} KiB", path, most / 1024);
  }
}

std::string secret_path(const std::string& name) {
  // systemd.exec(5), LoadCredential=: the folder is set for the unit's processes only.
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (name.find('/') != std::string::npos || folder == nullptr || *folder == '\0') return name;
  const auto path = std::string(folder) + "/" + name;
  return ::access(path.c_str(), F_OK) == 0 ? path : name;
}

Result<std::string> read_secret(const std::string& name) {
  if (name.empty()) return fail(Code::refuse, "no file is named");
  auto content = read_file(secret_path(name), kMostSecretBytes);
  if (content && content->ends_with('\n')) content->pop_back();
  if (content && content->ends_with('\r')) content->pop_back();
  return content;
}

}  // namespace foyer::config
