#include "base/aes.hpp"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace foyer {

AesBlock aes128_block(const AesBlock& key, const AesBlock& block) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                &EVP_CIPHER_CTX_free);
  AesBlock out{};
  int size = 0;
  if (!context || EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, key.data(), nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
      EVP_EncryptUpdate(context.get(), out.data(), &size, block.data(), static_cast<int>(block.size())) != 1 ||
      size != static_cast<int>(out.size()))
    std::abort();
  return out;
}

}  // namespace foyer
