#include "drivers/nftables/kernel/server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

namespace foyer::drivers::nftables::kernel {
namespace {

constexpr std::size_t kMaxPeers = 6;  // foyerd and its radio, two just going, an operator; the newest is refused

void log(int priority, const std::string& text) { fmt::print(stderr, "<{}>{}\n", priority, text); }

Result<void> result_of(int error) {
  if (error == 0) return {};
  if (error == ENFILE) return fail(Code::refuse, "the set is full");
  return fail(error == EINVAL || error == EPERM ? Code::refuse : Code::retry, "{}", std::strerror(error));
}

void tell(wire::Reply& reply, const Result<void>& result) {
  static_assert(static_cast<int>(Code::retry) + 1 == static_cast<int>(wire::Status::retry) &&
                static_cast<int>(Code::fatal) + 1 == static_cast<int>(wire::Status::fatal));
  if (result) return;
  reply.status = static_cast<wire::Status>(static_cast<int>(result.error().code) + 1);
  wire::pack_text(reply.text, result.error().message);
}

}  // namespace

Result<void> Server::listen() {
  if (const int error = table_.open(); error != 0) return fail(Code::fatal, "netlink: {}", std::strerror(error));
  const auto address = socket_address(socket_);
  if (!address) return fail(address);
  Descriptor listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(socket_.c_str());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) < 0 ||
      ::chmod(socket_.c_str(), 0666) < 0 || ::listen(listener.get(), static_cast<int>(kMaxPeers)) < 0)
    return fail(Code::fatal, "listen on {}: {}", socket_, std::strerror(errno));
  listener_ = std::move(listener);
  return {};
}

Result<void> Server::run(int stop_fd) {
  for (std::vector<pollfd> fds;;) {
    fds = {{stop_fd, POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const auto& peer : peers_) fds.push_back({peer.get(), POLLIN, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
      return fail(Code::fatal, "poll: {}", std::strerror(errno));
    if (fds[0].revents != 0) return {};
    auto state = fds.begin() + 2;
    peers_.remove_if([&](const Descriptor& peer) { return (state++)->revents != 0 && !serve(peer.get()); });
    if (fds[1].revents != 0) accept_peer();
  }
}

void Server::accept_peer() {
  Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) return;
  if ((who.uid != uid_ && who.uid != 0) || peers_.size() >= kMaxPeers)
    return log(4, fmt::format("refused uid {} (pid {}): uid {} and root may ask, {} connections at most", who.uid,
                              who.pid, uid_, kMaxPeers));
  peers_.push_back(std::move(peer));
}

/// False: this connection is over.
bool Server::serve(int peer) {
  wire::Request request;
  const ssize_t got = ::recv(peer, &request, sizeof request, MSG_TRUNC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  const bool bluetooth = got == static_cast<ssize_t>(sizeof(wire::BluetoothRequest));
  if ((!bluetooth && got != static_cast<ssize_t>(sizeof request)) || request.magic != wire::kMagic ||
      request.version != wire::kVersion) {
    log(4, fmt::format("{} bytes are no request of version {}: is foyerd of this release?", got, wire::kVersion));
    return false;
  }
  if (bluetooth) return bluetooth_.serve(peer, wire::bluetooth_of(request));
  wire::Reply reply;
  reply.sequence = request.sequence;
  if (request.op == wire::Op::look) return look(peer, {reply, {}, {}});
  tell(reply, answer(request, reply));
  return send_packet(peer, &reply, sizeof reply);
}

Result<void> Server::answer(const wire::Request& request, wire::Reply& reply) {
  if (request.op == wire::Op::ping) return {};
  if (request.op == wire::Op::setup) return setup(wire::unpack(request.policy));
  if (table_.policy().interface.empty()) return fail(Code::retry, "no policy yet: set up first");
  const auto& guest = request.guest;
  const bool admits = request.op == wire::Op::admit;
  if ((!admits && request.op != wire::Op::remove) || request.seconds > wire::kMaxSeconds ||
      (guest.size != wire::Key::kSize4 && guest.size != wire::Key::kSize6) || (admits && request.seconds <= 0))
    return fail(Code::refuse, "a request that is none");
  const std::chrono::seconds time(request.seconds);
  if (admits) return result_of(table_.admit(guest, time, request.used));
  auto removed = result_of(table_.remove(guest, time, reply.used));
  if (removed) conntrack_.forget(wire::unpack(guest).ip);
  return removed;
}

Result<void> Server::setup(const ports::GatePolicy& policy) {
  if (auto laid = table_.lay(policy); !laid) {
    log(3, fmt::format("rules for {}: {}", policy.interface, laid.error().message));
    return laid;
  }
  log(6, fmt::format("rules are in force: guests on {}, out by '{}'", policy.interface, policy.uplink));
  auto switched = switch_on_forwarding(policy);
  if (!switched) log(4, switched.error().message);
  return switched;
}

/// Rows as they come, in as many packets as it takes.
bool Server::look(int peer, wire::Look packet) {
  bool reads = true;
  const auto send = [&](bool last) {
    packet.head.last = last ? 1 : 0;
    reads = reads && send_packet(peer, &packet, sizeof packet);
    packet.head.count = 0;
  };
  int error = table_.look([&](const wire::Row& row) {
    packet.rows[packet.head.count++] = row;
    if (packet.head.count == packet.rows.size()) send(false);
  });
  if (error == 0) error = table_.tallies(packet.tallies);
  tell(packet.head, result_of(error));
  send(true);
  return reads;
}

}  // namespace foyer::drivers::nftables::kernel
