#include "base/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace foyer {

Digest sha256(ByteView data) {
  Digest out{};
  if (EVP_Digest(data.data(), data.size(), out.data(), nullptr, EVP_sha256(), nullptr) != 1) std::abort();
  return out;
}

Digest hmac_sha256(ByteView key, ByteView data) {
  Digest out{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(), &size) ==
          nullptr ||
      size != out.size())
    std::abort();
  return out;
}

bool constant_time_equal(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void kernel_random(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const auto got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::uint64_t random_below(const Random& random, std::uint64_t bound) {
  if (bound < 2) return 0;
  const std::uint64_t unfair = (UINT64_MAX % bound + 1) % bound;  // how many numbers at the top would favour low ones
  for (;;) {
    std::array<std::uint8_t, 8> raw{};
    random(raw);
    std::uint64_t number = 0;
    for (const auto byte : raw) number = number << 8 | byte;
    if (number <= UINT64_MAX - unfair) return number % bound;
  }
}

std::string random_hex(const Random& random, std::size_t bytes) {
  Bytes raw(bytes);
  random(raw);
  return to_hex(raw);
}

}  // namespace foyer
