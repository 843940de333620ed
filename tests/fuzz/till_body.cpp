// The body of every call a till makes, through the portal's own reading: never a crash, never a 500, and what goes on
// to the ledger is within its limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/unit/portal/fake_services.hpp"

using namespace foyer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static portal::test::House house;
  constexpr const char* kCalls[] = {"/v1/pos/check", "/v1/pos/reserve", "/v1/pos/redeem", "/v1/pos/void",
                                    "/v1/pos/sale"};
  if (size == 0) return 0;
  auto request = portal::test::House::request("POST", kCalls[data[0] % std::size(kCalls)], "192.168.1.50");
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back("Authorization", "Bearer secret-key");
  request.body.assign(reinterpret_cast<const char*>(data + 1), size - 1);
  house.services.asked_at_till.clear();
  const auto response = house.portal.handle(request);
  if (response.status >= 500) std::abort();
  for (const auto& asked : house.services.asked_at_till) {
    if (asked.store.empty() || asked.store.size() > 64 || asked.terminal.size() > 64 || asked.check_no.size() > 64)
      std::abort();
    if (asked.ttl.count() < 0 || asked.ttl.count() > 900) std::abort();
    if (asked.amount && (asked.amount->minor < 0 || asked.amount->currency.size() != 3)) std::abort();
    if (asked.action == campaign::TillAction::sale && !asked.amount) std::abort();
  }
  return 0;
}
