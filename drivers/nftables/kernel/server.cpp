#include "drivers/nftables/kernel/server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace foyer::drivers::nftables::kernel {
namespace {

constexpr std::size_t kMaxPeers =
    6;                        // foyerd and its radio, two that are just going, and an operator; the newest is refused
constexpr int kSendMs = 250;  // a peer that does not read its answer is dropped

template <class... Args>
void log(int priority, fmt::format_string<Args...> text, Args&&... args) {
  fmt::print(stderr, "<{}>{}\n", priority, fmt::format(text, std::forward<Args>(args)...));
}

bool send_packet(int peer, const void* data, std::size_t size) {
  for (;;) {
    if (::send(peer, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
    pollfd writable{peer, POLLOUT, 0};
    if (errno != EINTR && ((errno != EAGAIN && errno != ENOBUFS) || ::poll(&writable, 1, kSendMs) <= 0)) return false;
  }
}

void tell(wire::Reply& reply, const Result<void>& result) {
  static_assert(static_cast<int>(Code::retry) + 1 == static_cast<int>(wire::Status::retry) &&
                static_cast<int>(Code::fatal) + 1 == static_cast<int>(wire::Status::fatal));
  if (result) return;
  if (reply.status == wire::Status::ok)
    reply.status = static_cast<wire::Status>(static_cast<int>(result.error().code) + 1);
  wire::pack_text(reply.text, result.error().message);
}

/// Nothing in a request may name what is not in the rules.
bool is_change(const wire::Change& change) {
  return (change.key.ip.family == 4 || change.key.ip.family == 6) && change.kind <= wire::Kind::fall &&
         (change.add == 0 || (change.ttl_seconds > 0 && change.ttl_seconds <= wire::kMaxTtlSeconds));
}

}  // namespace

Server::~Server() {
  if (listener_.get() >= 0) ::unlink(settings_.socket.c_str());
}

Result<void> Server::listen(const ServerSettings& settings) {
  settings_ = settings;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& path = settings.socket;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(Code::refuse, "socket path '{}': 1 to {} bytes are allowed", path, sizeof address.sun_path - 1);
  path.copy(address.sun_path, path.size());
  Descriptor listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path.c_str());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::chmod(path.c_str(), 0666) < 0 || ::listen(listener.get(), static_cast<int>(kMaxPeers)) < 0)
    return fail(Code::fatal, "listen on {}: {}", path, std::strerror(errno));
  listener_ = std::move(listener);
  return {};
}

Result<void> Server::run(int stop_fd) {
  for (std::vector<pollfd> fds;;) {
    fds = {{stop_fd, POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const auto& peer : peers_)
      fds.push_back({peer.get(), static_cast<short>(peer.get() == looker_ ? POLLIN | POLLOUT : POLLIN), 0});
    if (::poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return fail(Code::fatal, "poll: {}", std::strerror(errno));
    }
    if (fds[0].revents != 0) return {};
    auto state = fds.begin() + 2;
    for (auto peer = peers_.begin(); peer != peers_.end(); ++state) {
      const bool stays = ((state->revents & ~POLLOUT) == 0 || serve(peer->get())) &&
                         ((state->revents & POLLOUT) == 0 || peer->get() != looker_ || look_on());
      if (!stays && peer->get() == looker_) looker_ = -1;
      peer = stays ? std::next(peer) : peers_.erase(peer);
    }
    if (fds[1].revents != 0) accept_peer();
  }
}

void Server::accept_peer() {
  Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (peer.get() < 0) return;
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || (who.uid != settings_.uid && who.uid != 0))
    return log(4, "refused uid {} (pid {}): only uid {} and root may ask", who.uid, who.pid, settings_.uid);
  if (peers_.size() >= kMaxPeers)
    return log(4, "refused pid {}: {} connections are open already", who.pid, peers_.size());
  peers_.push_back(std::move(peer));
}

/// False: this connection is over.
bool Server::serve(int peer) {
  wire::Request request;
  const ssize_t got = ::recv(peer, &request, sizeof request, MSG_TRUNC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  if (got == static_cast<ssize_t>(sizeof(wire::BluetoothRequest))) return bluetooth_.serve(peer, request);
  if (got != static_cast<ssize_t>(sizeof request) || request.magic != wire::kMagic ||
      request.version != wire::kVersion) {
    log(4, "a packet of {} bytes is no request of version {}: is foyerd of this release?", got, wire::kVersion);
    return false;
  }
  if (request.op == wire::Op::look) {  // a look of another peer that is under way is cut off: there is one foyerd
    looker_ = peer;
    look_sequence_ = request.sequence;
    table_.begin_look();
    return true;
  }
  wire::Reply reply;
  reply.sequence = request.sequence;
  tell(reply, answer(request, reply));
  return send_packet(peer, &reply, sizeof reply);
}

Result<void> Server::answer(const wire::Request& request, wire::Reply& reply) {
  if (request.op == wire::Op::ping) return {};
  if (request.op == wire::Op::setup) return setup(wire::unpack(request.policy));
  if (request.op == wire::Op::change) return change(request, reply);
  return fail(Code::refuse, "unknown request {}", static_cast<int>(request.op));
}

Result<void> Server::setup(const ports::GatePolicy& policy) {
  if (auto laid = table_.lay(policy); !laid) {
    log(3, "rules for {}: {}", policy.interface, laid.error().message);
    return laid;
  }
  if (policy_ != policy) log(6, "rules are in force: guests on {}, out by '{}'", policy.interface, policy.uplink);
  policy_ = policy;
  auto switched = switch_on_forwarding(policy);
  if (!switched) log(4, "{}", switched.error().message);
  return switched;
}

Result<void> Server::change(const wire::Request& request, wire::Reply& reply) {
  if (policy_.interface.empty()) return fail(Code::retry, "no policy yet: set up first");
  const std::span changes(request.changes.data(), std::min<std::size_t>(request.count, wire::kMaxChanges));
  if (!std::ranges::all_of(changes, is_change)) return fail(Code::refuse, "a change that is none");
  const int error = table_.change(changes, reply.used);
  if (error == EEXIST || error == ENOENT) reply.status = wire::Status::taken;
  if (error == ENFILE) return fail(Code::refuse, "the set is full");
  if (error != 0)
    return fail(error == EINVAL || error == EPERM ? Code::refuse : Code::retry, "{}", std::strerror(error));
  for (const auto& one : changes)
    if (one.add == 0 && one.kind == wire::Kind::auth && changes.back().add == 0)
      conntrack_.forget(wire::unpack(one.key.ip), policy_.http_port, policy_.https_port);
  return {};
}

/// The next rows, to a looker that has room for them.
bool Server::look_on() {
  std::vector<wire::Row> rows;
  wire::Look packet;
  packet.head.sequence = look_sequence_;
  auto more = table_.next_rows(rows);
  for (std::size_t from = 0; from < rows.size(); from += packet.head.count) {
    packet.head.count = static_cast<std::uint16_t>(std::min(wire::kRowsPerPacket, rows.size() - from));
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(from), packet.head.count, packet.rows.begin());
    packet.head.last = 0;
    if (!send_packet(looker_, &packet, sizeof packet)) return false;
  }
  if (more && *more) return true;
  auto tallies = table_.tallies();
  packet.head.count = 0;
  packet.head.last = 1;
  if (tallies) packet.tallies = *tallies;
  tell(packet.head, !more ? Result<void>(fail(more)) : !tallies ? fail(tallies) : Result<void>{});
  return send_packet(std::exchange(looker_, -1), &packet, sizeof packet);
}

}  // namespace foyer::drivers::nftables::kernel
