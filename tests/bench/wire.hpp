#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace foyer::bench {

/// Where a phone speaks from: an address of this machine, and the interface it is on (empty: wherever that is).
struct Phone {
  std::string ip, interface;
  std::string host;  ///< whose port 80 its captive portal probe asks for; any that is not the box
};

/// Throws when it is none.
sockaddr_in address(const std::string& ip, std::uint16_t port);

/// A socket that speaks from there; throws.
int phone_socket(const Phone& phone, int type, int protocol = 0);

struct Answer {
  int status = 0;
  std::string head, body;
};

/// One TCP connection of a phone. Every call throws std::runtime_error when it fails or takes longer than 5 s.
class Wire {
 public:
  Wire(const Phone& phone, const std::string& to, std::uint16_t port);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// Sends a request and reads its whole answer.
  Answer ask(std::string_view request);

 private:
  bool read_more();

  int fd_ = -1;
  std::string got_;
};

/// The text of a request; a body makes it one of `kind`.
std::string request(std::string_view method, std::string_view path, std::string_view host, std::string_view kind = {},
                    std::string_view body = {});

}  // namespace foyer::bench
