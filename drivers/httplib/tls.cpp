#include "drivers/httplib/tls.hpp"

#include <openssl/err.h>

namespace foyer::drivers::httplib {

namespace {

std::string reason() {
  char text[256] = "";
  ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
  ERR_clear_error();
  return text;
}

}  // namespace

Result<SslContext> make_tls(const std::string& certificate, const std::string& key) {
  if (certificate.empty() || key.empty()) return fail(Code::refuse, "TLS needs both a certificate and a key file");
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(Code::fatal, "TLS: {}", reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1)
    return fail(Code::refuse, "certificate {}: {}", certificate, reason());
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(Code::refuse, "key {}: {}", key, reason());
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return fail(Code::refuse, "key {} does not belong to certificate {}", key, certificate);
  return context;
}

}  // namespace foyer::drivers::httplib
