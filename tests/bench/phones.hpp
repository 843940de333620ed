#pragma once

#include <string>
#include <vector>

#include "figure.hpp"
#include "wire.hpp"

/// Phones of a whole house that house.py has opened. Each throws when one phone is not answered as it should be.
namespace foyer::bench {

struct Street {
  std::vector<Phone> phones;
  std::string portal;               ///< the box's address on the guests' side
  std::uint16_t port = 80;          ///< of the portal there
  std::string internet;             ///< an address behind the uplink
  std::uint16_t internet_port = 7;  ///< where it listens
  std::string link;                 ///< /q/{token}, good for every phone once
  double rate = 0;                  ///< draws a second of all together; 0: without a pause
};

Figures first_hits(const Street& street);
Figures admissions(const Street& street);
Figures redirects(const Street& street);
Figures draws(const Street& street);
Figures fence(const Street& street);

/// Every phone in turn sends a datagram to an echo at internet_port, until standard input is closed; now and then a
/// JSON object a line: {sent, answered, refused}.
void traffic(const Street& street);
[[noreturn]] void echo(const std::string& at_address, std::uint16_t port);

/// Takes connections on every address and closes them, until it is ended.
[[noreturn]] void sink(std::uint16_t port);

}  // namespace foyer::bench
