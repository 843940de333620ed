// What stands in QR codes, cookies and forms: nothing that we did not sign is taken, whatever it looks like.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "portal/nonce.hpp"
#include "portal/pass.hpp"
#include "portal/token.hpp"
#include "ports/http_server.hpp"
#include "tests/unit/portal/fake_services.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace foyer;
  using portal::test::House;
  using portal::test::kNow;
  static const auto keys = House::keys();
  static const std::vector<std::string> zones{"entrance", "food"};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::chrono::seconds rotation{30};
  if (portal::verify(text, keys, "store-001", zones, kNow, rotation) &&
      portal::token_of(portal::body_of(text), keys) != text)
    std::abort();
  const auto session = portal::session_of_pass(keys, text, kNow);
  if (session && session->size() != 32) std::abort();
  static const auto nonces = portal::nonce_keys(keys);
  static const std::vector<std::string> names{"subject-a"};
  if (portal::check_nonce(nonces, text, names, "session-1", kNow) && size != portal::kNonceLength) std::abort();
  if (const auto code = portal::canonical_typed(text)) {
    if (code->size() != portal::kTypedCode || portal::canonical_typed(*code) != code) std::abort();
    const auto token = portal::screen_token_of(*code, keys, "store-001", zones, kNow, rotation);
    if (token && !portal::verify(*token, keys, "store-001", zones, kNow, rotation)) std::abort();
  }
  if (ports::parse_query(text).size() > 64) std::abort();
  if (portal::token_of(portal::body_of(text), keys).size() > 64) std::abort();
  return 0;
}
