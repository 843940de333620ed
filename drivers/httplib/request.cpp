#include "drivers/httplib/request.hpp"

#include <strings.h>

#include <algorithm>

namespace foyer::drivers::httplib {

namespace {

struct Target {
  std::string_view authority;  ///< empty in origin form
  std::string_view path, query;
};

Target split(std::string_view target) {
  Target out;
  if (is_absolute(target)) {
    target.remove_prefix(target.find("//") + 2);
    out.authority = target.substr(0, target.find_first_of("/?"));
    target.remove_prefix(out.authority.size());
    out.authority.remove_prefix(out.authority.rfind('@') + 1);  // npos + 1 is 0: no user part
  }
  out.path = target.substr(0, target.find('?'));
  if (out.path.size() < target.size()) out.query = target.substr(out.path.size() + 1);
  if (out.path.empty()) out.path = "/";
  return out;
}

/// httplib adds these to the headers as if the client had sent them; a client's own are a forgery.
bool is_forged(const std::string& name) {
  for (const char* const ours : {"REMOTE_ADDR", "REMOTE_PORT", "LOCAL_ADDR", "LOCAL_PORT"})
    if (strcasecmp(name.c_str(), ours) == 0) return true;
  return false;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

ports::HttpResponse refuse(int status, std::string_view code, std::string_view detail) {
  return {status,
          {{"Content-Type", kProblemType}, {"Cache-Control", "no-store"}},
          fmt::format(R"({{"type":"about:blank","status":{},"code":"{}","detail":"{}"}})", status, code, detail),
          nullptr};
}

bool is_absolute(std::string_view target) {
  const auto starts = [&](std::string_view scheme) {
    return target.size() > scheme.size() && strncasecmp(target.data(), scheme.data(), scheme.size()) == 0;
  };
  return starts("http://") || starts("https://");
}

Result<ports::HttpRequest> convert(const ::httplib::Request& from, const IpAddress& remote, std::uint16_t local_port,
                                   bool tls) {
  const auto target = split(from.target);
  if (target.path.front() != '/') return fail(Code::refuse, "the target must be a path or an absolute http address");
  ports::HttpRequest out;
  out.method = from.method;
  out.target = from.target;
  out.path = ports::percent_decode(target.path, false);
  if (std::any_of(out.path.begin(), out.path.end(), is_control))
    return fail(Code::refuse, "the path holds control characters");
  out.query = ports::parse_query(target.query);
  for (const auto& [name, value] : from.headers) {
    const bool replaced = !target.authority.empty() && strcasecmp(name.c_str(), "Host") == 0;
    if (!replaced && !is_forged(name)) out.headers.emplace_back(name, value);
  }
  if (!target.authority.empty()) out.headers.emplace_back("Host", target.authority);
  out.remote = remote;
  out.local_port = local_port;
  out.tls = tls;
  out.http10 = from.version == "HTTP/1.0";
  return out;
}

}  // namespace foyer::drivers::httplib
