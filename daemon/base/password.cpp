#include "base/password.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <cstdlib>

namespace foyer {
namespace {

constexpr std::string_view kScheme = "scrypt$14$8$1$";
constexpr std::uint64_t kCost = 1u << 14;
constexpr std::uint64_t kBlocks = 8, kParallel = 1;
constexpr std::uint64_t kMostMemory = 64u << 20;
constexpr std::size_t kSalt = 16, kHash = 32;

Bytes derive(std::string_view password, ByteView salt) {
  Bytes out(kHash);
  if (EVP_PBE_scrypt(password.data(), password.size(), salt.data(), salt.size(), kCost, kBlocks, kParallel, kMostMemory,
                     out.data(), out.size()) != 1)
    std::abort();
  return out;
}

}  // namespace

std::string hash_password(std::string_view password, const Random& random) {
  Bytes salt(kSalt);
  random(salt);
  return fmt::format("{}{}${}", kScheme, to_hex(salt), to_hex(derive(password, salt)));
}

bool is_password(std::string_view password, std::string_view stored) {
  if (!stored.starts_with(kScheme)) return false;
  stored.remove_prefix(kScheme.size());
  const auto dollar = stored.find('$');
  if (dollar == std::string_view::npos) return false;
  const auto salt = from_hex(stored.substr(0, dollar)), hash = from_hex(stored.substr(dollar + 1));
  return salt && hash && salt->size() == kSalt && constant_time_equal(derive(password, *salt), *hash);
}

}  // namespace foyer
