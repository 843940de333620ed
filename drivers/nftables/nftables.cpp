#include "drivers/nftables/nftables.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "drivers/nftables/wire.hpp"

namespace foyer::drivers::nftables {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kDeadline{250};
constexpr milliseconds kFirstRetry{200}, kLastRetry{5000};

class Descriptor {
 public:
  Descriptor() = default;
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

/// Only to bound a wait; nothing is decided by it.
class Deadline {
 public:
  explicit Deadline(milliseconds most) : end_(now() + most) {}
  int left_ms() const { return static_cast<int>(std::max(milliseconds{0}, end_ - now()).count()); }

 private:
  static milliseconds now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return milliseconds{time.tv_sec * 1000 + time.tv_nsec / 1'000'000};
  }
  milliseconds end_;
};

wire::Policy pack(const ports::GatePolicy& policy) {
  wire::Policy packed;
  wire::pack_text(packed.interface, policy.interface);
  wire::pack_text(packed.uplink, policy.uplink);
  packed.address = wire::pack(policy.address.address, policy.address.length);
  packed.http_port = policy.http_port;
  packed.https_port = policy.https_port;
  packed.lan_access = policy.lan_access ? 1 : 0;
  return packed;
}

Result<void> result_of(const wire::Reply& reply) {
  const std::string text = wire::unpack_text(reply.text);
  switch (reply.status) {
    case wire::Status::ok: return {};
    case wire::Status::retry: return fail(Code::retry, "gate: {}", text);
    case wire::Status::degrade: return fail(Code::degrade, "gate: {}", text);
    case wire::Status::refuse: return fail(Code::refuse, "gate: {}", text);
    case wire::Status::fatal: break;
  }
  return fail(Code::fatal, "gate: {}", text);
}

class SocketGate final : public ports::Gate {
 public:
  SocketGate(Settings settings, ports::Poller& poller, ports::Timers& timers)
      : settings_(std::move(settings)), poller_(poller), timers_(timers) {}

  Result<void> setup(const ports::GatePolicy& policy) override {
    constexpr std::size_t kMaxName = 15;
    if (policy.interface.size() > kMaxName || policy.uplink.size() > kMaxName)
      return fail(Code::refuse, "the name of an interface has at most {} letters", kMaxName);
    if (state_ == State::lost && !connect()) {
      policy_ = policy;
      seek();
      return fail(Code::retry, "{}", why_);
    }
    state_ = State::up;
    retry_.reset();
    auto done = ask(setup_request(policy));
    if (state_ == State::up) back_off_ = kFirstRetry;
    if (done || done.error().code != Code::refuse) policy_ = policy;
    return done;
  }

  Result<void> admit(const ports::GuestKey& guest, std::chrono::seconds ttl) override {
    if (ttl.count() <= 0 || ttl.count() > static_cast<std::int64_t>(wire::kMaxTtlSeconds))
      return fail(Code::refuse, "admit for {} s: 1 to {} are allowed", ttl.count(), wire::kMaxTtlSeconds);
    wire::Request request;
    request.op = wire::Op::admit;
    request.guest = wire::pack(guest);
    request.ttl_seconds = static_cast<std::uint32_t>(ttl.count());
    return ask(request);
  }

  Result<void> remove(const ports::GuestKey& guest) override {
    wire::Request request;
    request.op = wire::Op::remove;
    request.guest = wire::pack(guest);
    return ask(request);
  }

  Result<std::vector<ports::Guest>> guests() override {
    wire::Request request;
    request.op = wire::Op::guests;
    const Deadline deadline(kDeadline);
    if (auto sent = send(request); !sent) return fail(sent);
    std::vector<ports::Guest> all;
    for (wire::GuestsReply packet; all.size() <= wire::kMaxGuests4 + wire::kMaxGuests6;) {
      if (auto got = receive(packet, deadline); !got) return fail(got);
      if (auto good = result_of(packet.head); !good) return fail(good);
      const std::size_t count = std::min<std::size_t>(packet.head.count, packet.guests.size());
      for (std::size_t i = 0; i < count; ++i) {
        const wire::Guest& guest = packet.guests[i];
        all.push_back(
            {wire::unpack(guest.key), std::chrono::seconds(guest.seconds_left), guest.bytes_up, guest.bytes_down});
      }
      if (packet.head.last != 0) return all;
    }
    return lose("more guests than there can be");
  }

  void on_back(std::function<void()> fn) override { on_back_ = std::move(fn); }

 private:
  /// returning: connected, the policy sent, its answer awaited by the loop.
  enum class State { lost, returning, up };

  static wire::Request setup_request(const ports::GatePolicy& policy) {
    wire::Request request;
    request.op = wire::Op::setup;
    request.policy = pack(policy);
    return request;
  }

  Result<void> ask(const wire::Request& request) {
    const Deadline deadline(kDeadline);
    if (auto sent = send(request); !sent) return sent;
    wire::Reply reply;
    if (auto got = receive(reply, deadline); !got) return got;
    return result_of(reply);
  }

  Result<void> send(wire::Request request) {
    if (state_ != State::up) return fail(Code::retry, "{}", why_);
    return transmit(request);
  }

  Result<void> transmit(wire::Request& request) {
    request.sequence = ++sequence_;
    if (::send(socket_.get(), &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
      return lose(std::strerror(errno));
    return {};
  }

  /// The next packet that answers the last request; late answers to earlier ones are thrown away.
  template <class Packet>
  Result<void> receive(Packet& packet, const Deadline& deadline) {
    for (;;) {
      pollfd readable{socket_.get(), POLLIN, 0};
      if (const int left = deadline.left_ms(); left == 0 || ::poll(&readable, 1, left) == 0)
        return lose(fmt::format("no answer within {} ms", kDeadline.count()));
      const ssize_t got = ::recv(socket_.get(), &packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) return lose(got == 0 ? "connection closed" : std::strerror(errno));
      const wire::Reply& head = head_of(packet);
      if (got < static_cast<ssize_t>(sizeof head) || head.magic != wire::kMagic || head.version != wire::kVersion)
        return lose("it speaks another version: foyerd and foyer-gate must be of one release");
      if (head.sequence == sequence_ && got == static_cast<ssize_t>(sizeof packet)) return {};
    }
  }
  static const wire::Reply& head_of(const wire::Reply& reply) { return reply; }
  static const wire::Reply& head_of(const wire::GuestsReply& reply) { return reply.head; }

  bool connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (settings_.socket.size() >= sizeof address.sun_path) {
      why_ = fmt::format("gate: {}: a socket path has at most {} bytes", settings_.socket, sizeof address.sun_path - 1);
      return false;
    }
    settings_.socket.copy(address.sun_path, settings_.socket.size());
    socket_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
      why_ = fmt::format("gate: {}: {}: is foyer-gate running?", settings_.socket, std::strerror(errno));
      socket_.reset();
      return false;
    }
    watch_ = poller_.watch(socket_.get(), POLLIN, [this](std::uint32_t) { on_readable(); });
    return true;
  }

  tl::unexpected<Error> lose(std::string_view why) {
    why_ = fmt::format("gate: {}: {}", settings_.socket, why);
    state_ = State::lost;
    watch_.reset();
    socket_.reset();
    seek();
    return fail(Code::retry, "{}", why_);
  }

  void seek() {
    retry_ = timers_.after(back_off_, [this] { come_back(); });
    back_off_ = std::min(back_off_ * 2, kLastRetry);
  }

  void come_back() {
    if (!policy_ || state_ != State::lost) return;
    if (!connect()) return seek();
    state_ = State::returning;
    auto request = setup_request(*policy_);
    if (!transmit(request)) return;
    retry_ = timers_.after(
        kDeadline, [this] { static_cast<void>(lose(fmt::format("no answer within {} ms", kDeadline.count()))); });
  }

  /// Between calls: the connection's end, a late answer, or the answer to the policy of a gate that is back.
  void on_readable() {
    wire::GuestsReply packet;
    const ssize_t got = ::recv(socket_.get(), &packet, sizeof packet, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      static_cast<void>(lose(got == 0 ? "connection closed" : std::strerror(errno)));
      return;
    }
    if (state_ != State::returning || packet.head.sequence != sequence_) return;
    if (auto laid = result_of(packet.head); !laid && laid.error().code != Code::degrade) {
      static_cast<void>(lose(laid.error().message));
      return;
    }
    state_ = State::up;
    retry_.reset();
    back_off_ = kFirstRetry;
    if (on_back_) on_back_();
  }

  const Settings settings_;
  ports::Poller& poller_;
  ports::Timers& timers_;
  Descriptor socket_;
  std::unique_ptr<ports::Handle> watch_, retry_;
  State state_ = State::lost;
  milliseconds back_off_ = kFirstRetry;
  std::uint32_t sequence_ = 0;
  std::string why_ = "gate: not set up";
  std::optional<ports::GatePolicy> policy_;
  std::function<void()> on_back_;
};

}  // namespace

std::unique_ptr<ports::Gate> make_gate(Settings settings, ports::Poller& poller, ports::Timers& timers) {
  return std::make_unique<SocketGate>(std::move(settings), poller, timers);
}

}  // namespace foyer::drivers::nftables
