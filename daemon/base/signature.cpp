#include "base/signature.hpp"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace foyer {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

Key private_key(const SignatureSeed& seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  if (!key) std::abort();
  return key;
}

Context context() {
  Context made(EVP_MD_CTX_new());
  if (!made) std::abort();
  return made;
}

}  // namespace

PublicKey public_key_of(const SignatureSeed& seed) {
  PublicKey out{};
  std::size_t size = out.size();
  if (EVP_PKEY_get_raw_public_key(private_key(seed).get(), out.data(), &size) != 1 || size != out.size()) std::abort();
  return out;
}

Signature sign(const SignatureSeed& seed, ByteView message) {
  Signature out{};
  std::size_t size = out.size();
  const auto key = private_key(seed);
  const auto with = context();
  if (EVP_DigestSignInit(with.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(with.get(), out.data(), &size, message.data(), message.size()) != 1 || size != out.size())
    std::abort();
  return out;
}

bool is_signed_by(const PublicKey& key, ByteView message, const Signature& signature) {
  const Key with(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  if (!with) return false;
  const auto by = context();
  if (EVP_DigestVerifyInit(by.get(), nullptr, nullptr, nullptr, with.get()) != 1) std::abort();
  return EVP_DigestVerify(by.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

}  // namespace foyer
