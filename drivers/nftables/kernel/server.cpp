#include "drivers/nftables/kernel/server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "drivers/nftables/kernel/ruleset.hpp"

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
    if (errno == EINTR) continue;
    pollfd writable{peer, POLLOUT, 0};
    if ((errno != EAGAIN && errno != ENOBUFS) || ::poll(&writable, 1, kSendMs) <= 0) return false;
  }
}

Result<ports::GuestKey> guest_of(const wire::Key& key) {
  if (key.ip.family != 4 && key.ip.family != 6)
    return fail(Code::refuse, "address family {}: 4 and 6 are allowed", key.ip.family);
  return wire::unpack(key);
}

wire::Reply reply_to(const wire::Request& request, const Result<void>& result) {
  wire::Reply reply;
  reply.sequence = request.sequence;
  if (result) return reply;
  reply.status = static_cast<wire::Status>(static_cast<int>(result.error().code) + 1);
  wire::pack_text(reply.text, result.error().message);
  return reply;
}
static_assert(static_cast<int>(Code::retry) + 1 == static_cast<int>(wire::Status::retry) &&
              static_cast<int>(Code::fatal) + 1 == static_cast<int>(wire::Status::fatal));

}  // namespace

Server::Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Server> Server::open(const ServerSettings& settings) {
  auto table = Table::open();
  if (!table) return fail(table);
  auto conntrack = Conntrack::open();
  if (!conntrack) return fail(conntrack);
  Server server(std::move(*table), std::move(*conntrack));
  server.uid_ = settings.uid;

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (settings.socket.empty() || settings.socket.size() >= sizeof address.sun_path)
    return fail(Code::refuse, "socket path '{}': 1 to {} bytes are allowed", settings.socket,
                sizeof address.sun_path - 1);
  settings.socket.copy(address.sun_path, settings.socket.size());
  Descriptor listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(settings.socket.c_str());
  if (listener.get() < 0 || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::chmod(settings.socket.c_str(), 0666) < 0 || ::listen(listener.get(), static_cast<int>(kMaxPeers)) < 0)
    return fail(Code::fatal, "listen on {}: {}", settings.socket, std::strerror(errno));
  server.socket_ = settings.socket;
  server.listener_ = std::move(listener);
  return server;
}

Server::~Server() {
  if (!socket_.empty()) ::unlink(socket_.c_str());
}

Result<void> Server::run(int stop_fd) {
  for (;;) {
    std::vector<pollfd> fds{{stop_fd, POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const auto& peer : peers_) fds.push_back({peer.get(), POLLIN, 0});
    const int ready = ::poll(fds.data(), fds.size(), shut_.empty() ? -1 : 0);
    if (ready < 0 && errno != EINTR) return fail(Code::fatal, "poll: {}", std::strerror(errno));
    if (ready == 0) forget_shut();
    if (ready <= 0) continue;
    if (fds[0].revents != 0) return {};
    std::size_t index = 2;
    for (auto peer = peers_.begin(); peer != peers_.end(); ++index)
      peer = fds[index].revents != 0 && !serve(peer->get()) ? peers_.erase(peer) : std::next(peer);
    if (fds[1].revents != 0) accept_peer();
  }
}

void Server::accept_peer() {
  Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (peer.get() < 0) return;
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || (who.uid != uid_ && who.uid != 0)) {
    log(4, "refused uid {} (pid {}): only uid {} and root may ask", who.uid, who.pid, uid_);
    return;
  }
  if (peers_.size() >= kMaxPeers) {
    log(4, "refused pid {}: {} connections are open already", who.pid, peers_.size());
    return;
  }
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
  if (request.op == wire::Op::guests) return send_guests(peer, request.sequence);
  const wire::Reply reply = answer(request);
  return send_packet(peer, &reply, sizeof reply);
}

wire::Reply Server::answer(const wire::Request& request) {
  const auto result = [&]() -> Result<void> {
    if (request.op == wire::Op::ping) return {};
    if (request.op == wire::Op::setup) return setup(request.policy);
    if (request.op != wire::Op::admit && request.op != wire::Op::remove)
      return fail(Code::refuse, "unknown request {}", static_cast<int>(request.op));
    if (!policy_) return fail(Code::retry, "no policy yet: set up first");
    auto guest = guest_of(request.guest);
    if (!guest) return fail(guest);
    return request.op == wire::Op::admit ? admit(*guest, request.ttl_seconds) : remove(*guest);
  }();
  return reply_to(request, result);
}

bool Server::send_guests(int peer, std::uint32_t sequence) {
  auto guests = table_.guests();
  wire::GuestsReply packet;
  packet.head.sequence = sequence;
  if (!guests) {
    packet.head.status = wire::Status::retry;
    wire::pack_text(packet.head.text, guests.error().message);
    return send_packet(peer, &packet, sizeof packet);
  }
  for (std::size_t from = 0;; from += wire::kGuestsPerPacket) {
    const std::size_t count = std::min(wire::kGuestsPerPacket, guests->size() - from);
    for (std::size_t i = 0; i < count; ++i) {
      const ports::Guest& guest = (*guests)[from + i];
      packet.guests[i] = {guest.bytes_up, guest.bytes_down, static_cast<std::uint32_t>(guest.left.count()),
                          wire::pack(guest.key)};
    }
    packet.head.count = static_cast<std::uint16_t>(count);
    packet.head.last = from + count == guests->size() ? 1 : 0;
    if (!send_packet(peer, &packet, sizeof packet)) return false;
    if (packet.head.last != 0) return true;
  }
}

Result<void> Server::setup(const wire::Policy& packed) {
  ports::GatePolicy policy;
  policy.interface = wire::unpack_text(packed.interface);
  policy.uplink = wire::unpack_text(packed.uplink);
  policy.address = {wire::unpack(packed.address), packed.address.prefix};
  policy.http_port = packed.http_port;
  policy.https_port = packed.https_port;
  policy.lan_access = packed.lan_access != 0;
  auto rules = ruleset(policy);
  if (!rules) return fail(rules);
  if (auto laid = table_.run(*rules); !laid) {
    log(3, "rules for {}: {}", policy.interface, laid.error().message);
    return laid;
  }
  if (policy_ != policy) log(6, "rules are in force: guests on {}, out by '{}'", policy.interface, policy.uplink);
  policy_ = policy;
  auto switched = switch_on_forwarding(policy);
  if (!switched) log(4, "{}", switched.error().message);
  return switched;
}

Result<void> Server::admit(const ports::GuestKey& guest, std::uint32_t ttl_seconds) {
  if (ttl_seconds == 0 || ttl_seconds > wire::kMaxTtlSeconds)
    return fail(Code::refuse, "{} s: 1 to {} are allowed", ttl_seconds, wire::kMaxTtlSeconds);
  shut_.erase(guest.ip);
  return table_.admit(guest, std::chrono::seconds(ttl_seconds));
}

Result<void> Server::remove(const ports::GuestKey& guest) {
  auto was_in = table_.remove(guest);
  if (!was_in) return fail(was_in);
  if (*was_in) shut_.insert(guest.ip);
  return {};
}

/// Those removed are shut already, as every packet is looked up: this is housekeeping, done when nobody waits.
void Server::forget_shut() {
  const auto ips = std::exchange(shut_, {});
  auto done = conntrack_.forget_flows(ips, policy_->http_port, policy_->https_port);
  if (!done) log(4, "{}", done.error().message);
}

}  // namespace foyer::drivers::nftables::kernel
