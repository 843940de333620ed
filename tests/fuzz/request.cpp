// A request as the handlers of the guests' side see it: method and target on the first line, headers a line each, an
// empty line, the body. Whatever it says, the answer is well formed and a foreign Host learns nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/unit/portal/fake_services.hpp"

namespace {

using namespace foyer;

std::string_view line_of(std::string_view& rest) {
  const auto line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  return line;
}

ports::HttpRequest request_of(std::string_view text) {
  auto first = line_of(text);
  ports::HttpRequest out;
  out.method = std::string(first.substr(0, first.find(' ')));
  first.remove_prefix(std::min(first.size(), out.method.size() + 1));
  out.target = std::string(first);
  const auto mark = out.target.find('?');
  out.path = ports::percent_decode(std::string_view(out.target).substr(0, mark), false);
  if (mark != std::string::npos) out.query = ports::parse_query(std::string_view(out.target).substr(mark + 1));
  while (!text.empty()) {
    const auto line = line_of(text);
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    out.headers.emplace_back(line.substr(0, colon), line.substr(std::min(line.size(), colon + 2)));
  }
  out.body = std::string(text);
  out.remote = *parse_ip(text.size() % 2 == 0 ? "10.77.0.2" : "10.77.0.3");
  out.local_port = 8080;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static portal::test::House house;
  house.services.counts.clear();
  house.services.orders.clear();
  house.services.draws.clear();
  house.services.asked_at_till.clear();
  house.services.guesses.clear();
  house.services.pairings.clear();
  const auto response = house.portal.handle(request_of({reinterpret_cast<const char*>(data), size}));
  if (response.status < 200 || response.status > 599 || response.status == 500) std::abort();
  for (const auto& [name, value] : response.headers)
    if (value.find_first_of("\r\n") != std::string::npos) std::abort();
  return 0;
}
