#include "drivers/nftables/nftables.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <unordered_map>
#include <utility>

#include "drivers/nftables/near.hpp"
#include "drivers/nftables/socket.hpp"
#include "drivers/nftables/wire.hpp"

namespace foyer::drivers::nftables {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kDeadline{250}, kSetupDeadline{2000};  // rules are many, and a busy kernel takes its time
constexpr milliseconds kReturnDeadline{30'000};               // likewise, where nobody waits: modules are loaded first
constexpr milliseconds kFirstRetry{200}, kLastRetry{5000};

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

/// Everyone who is in, put together from rows.
ports::GateState state_of(std::vector<wire::Row> rows, const wire::Look& last) {
  ports::GateState state;
  for (std::size_t i = 0; i < wire::kTallies.size(); ++i) state.tallies[wire::kTallies[i]] = last.tallies[i];
  std::unordered_map<IpAddress, std::uint64_t> received;
  std::unordered_map<IpAddress, std::size_t> index;
  received.reserve(rows.size() / 2);
  index.reserve(rows.size() / 2);
  state.guests.reserve(rows.size() / 2);
  for (const auto& row : rows) {
    const auto key = wire::unpack(row.key);
    if (row.what == wire::What::down) received[key.ip] = row.bytes;
    if (row.what == wire::What::kept_out) state.kept_out[key.mac] = std::chrono::seconds(row.seconds_left);
    if (row.what != wire::What::up) continue;
    const auto [at, fresh] = index.try_emplace(key.ip, state.guests.size());
    const ports::Guest guest{key, std::chrono::seconds(row.seconds_left), {row.bytes, 0}};
    if (fresh)
      state.guests.push_back(guest);
    else
      state.guests[at->second] = guest;  // an address has one owner
  }
  for (auto& guest : state.guests)
    if (const auto found = received.find(guest.key.ip); found != received.end()) guest.bytes.down = found->second;
  return state;
}

class SocketGate final : public ports::Gate {
 public:
  SocketGate(Settings settings, ports::Poller& poller, ports::Timers& timers)
      : settings_(std::move(settings)), poller_(poller), timers_(timers) {}

  Result<void> setup(const ports::GatePolicy& policy) override {
    constexpr std::size_t kMaxName = 15;
    if (policy.interface.size() > kMaxName || policy.uplink.size() > kMaxName)
      return fail(Code::refuse, "the name of an interface has at most {} letters", kMaxName);
    if (policy.blocked.size() > wire::kMaxBlocked)
      return fail(Code::refuse, "{} devices are blocked: at most {}", policy.blocked.size(), wire::kMaxBlocked);
    if (state_ == Line::lost && !connect()) {
      policy_ = policy;
      seek();
      return fail(Code::retry, "{}", why_);
    }
    state_ = Line::up;
    retry_.reset();
    const auto before = std::exchange(policy_, policy);  // a gate that answers too late is asked for it again
    const auto reply = ask(setup_request(policy), kSetupDeadline);
    if (!reply) return fail(reply);
    back_off_ = kFirstRetry;
    if (reply->status == wire::Status::refuse) policy_ = before;
    return result_of(*reply);
  }

  Result<void> admit(const ports::GuestKey& guest, std::chrono::seconds ttl, const ports::Traffic& used) override {
    if (ttl.count() <= 0 || ttl.count() > wire::kMaxSeconds)
      return fail(Code::refuse, "admit for {} s: 1 to {} are allowed", ttl.count(), wire::kMaxSeconds);
    wire::Request request;
    request.op = wire::Op::admit;
    request.seconds = static_cast<std::int32_t>(ttl.count());
    request.guest = wire::pack(guest);
    request.used = wire::pack(used);
    const auto reply = ask(request);
    if (!reply) return fail(reply);
    return result_of(*reply).context("admit");
  }

  Result<ports::Traffic> remove(const ports::GuestKey& guest, std::optional<std::chrono::seconds> keep_out) override {
    const auto seconds = keep_out.value_or(std::chrono::seconds{-1}).count();
    if (seconds < (keep_out ? 0 : -1) || seconds > wire::kMaxSeconds)
      return fail(Code::refuse, "keep out for {} s: 0 to {} are allowed", seconds, wire::kMaxSeconds);
    wire::Request request;
    request.op = wire::Op::remove;
    request.seconds = static_cast<std::int32_t>(seconds);
    request.guest = wire::pack(guest);
    const auto reply = ask(request);
    if (!reply) return fail(reply);
    if (auto done = result_of(*reply); !done) return fail(std::move(done).context("remove"));
    return wire::unpack(reply->used);
  }

  void look(State then) override {
    // The router behind the uplink gives out another network now. A failure is told by the look itself.
    if (state_ == Line::up && policy_ && near_networks(policy_->uplink) != near_)
      static_cast<void>(setup(ports::GatePolicy(*policy_)));
    lookers_.push_back(std::move(then));
    if (lookers_.size() > 1) return;  // answered together
    wire::Request request;
    request.op = wire::Op::look;
    if (auto sent = send(request); !sent) return tell_lookers(fail(sent));
    look_sequence_ = request.sequence;
    rows_.clear();
    await_rows();
  }

  void on_back(std::function<void()> fn) override { on_back_ = std::move(fn); }

 private:
  /// returning: connected, the policy sent, its answer awaited by the loop.
  enum class Line { lost, returning, up };

  wire::Request setup_request(ports::GatePolicy policy) {
    near_ = near_networks(policy.uplink);
    if (policy.near.empty()) policy.near = near_;
    wire::Request request;
    request.op = wire::Op::setup;
    request.policy = wire::pack(policy);
    return request;
  }

  Result<wire::Reply> ask(wire::Request request, milliseconds most = kDeadline) {
    const Deadline deadline(most);
    if (auto sent = send(request); !sent) return fail(sent);
    for (;;) {
      pollfd readable{socket_.get(), POLLIN, 0};
      if (const int left = deadline.left_ms(); left == 0 || ::poll(&readable, 1, left) == 0)
        return lose(fmt::format("no answer within {} ms", most.count()));
      auto packet = receive();
      if (!packet) return fail(packet);
      if (state_ != Line::up) return fail(Code::retry, "{}", why_);  // rows told that the table is gone
      if (*packet != nullptr && (*packet)->head.sequence == request.sequence) return (*packet)->head;
    }
  }

  Result<void> send(wire::Request& request) {
    if (state_ != Line::up) return fail(Code::retry, "{}", why_);
    return transmit(request);
  }

  Result<void> transmit(wire::Request& request) {
    request.sequence = ++sequence_;
    if (::send(socket_.get(), &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
      return lose(std::strerror(errno));
    return {};
  }

  /// The next packet, null when none waits. Rows of a look are taken in on the way, late answers to requests that were
  /// given up are nobody's.
  Result<const wire::Look*> receive() {
    const ssize_t got = ::recv(socket_.get(), &packet_, sizeof packet_, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return nullptr;
    if (got <= 0) return lose(got == 0 ? "connection closed" : std::strerror(errno));
    const bool whole = got == sizeof(wire::Reply) || got == sizeof(wire::Look);
    if (!whole || packet_.head.magic != wire::kMagic || packet_.head.version != wire::kVersion)
      return lose("it speaks another version: foyerd and foyer-gate must be of one release");
    if (got == sizeof(wire::Look)) take_rows();
    return &packet_;
  }

  void take_rows() {
    if (lookers_.empty() || packet_.head.sequence != look_sequence_) return;
    await_rows();
    const auto count = std::min<std::size_t>(packet_.head.count, packet_.rows.size());
    rows_.insert(rows_.end(), packet_.rows.begin(), packet_.rows.begin() + static_cast<std::ptrdiff_t>(count));
    if (packet_.head.last == 0) return;
    watchdog_.reset();
    // Whatever keeps the table from being looked at, somebody's `flush ruleset` first of all, guests may meet no rules:
    // they are laid anew on the way back.
    if (auto good = result_of(packet_.head); !good) return static_cast<void>(lose(good.error().message));
    answer_soon(state_of(std::exchange(rows_, {}), packet_));
  }

  /// Silence while rows are awaited is a lost gate; what waits unread was no silence.
  void await_rows() {
    watchdog_ = timers_.after(kDeadline, [this] {
      const auto packet = receive();
      if (packet && *packet == nullptr)
        static_cast<void>(lose(fmt::format("no answer within {} ms", kDeadline.count())));
      else if (packet && packet_.head.sequence != look_sequence_)
        await_rows();
    });
  }

  /// From the loop, never from within a call of ours that its caller is still in.
  void answer_soon(Result<ports::GateState> state) {
    soon_ = timers_.after(milliseconds{0}, [this, state = std::move(state)] { tell_lookers(state); });
  }
  void tell_lookers(const Result<ports::GateState>& state) {
    for (const auto& then : std::exchange(lookers_, {})) then(state);
  }

  bool connect() {
    auto socket = connect_to(settings_.socket);
    if (!socket) {
      why_ = fmt::format("gate: {}: is foyer-gate running?", socket.error().message);
      return false;
    }
    socket_ = std::move(*socket);
    watch_ = poller_.watch(socket_.get(), POLLIN, [this](std::uint32_t) { on_readable(); });
    return true;
  }

  tl::unexpected<Error> lose(std::string_view why) {
    why_ = fmt::format("gate: {}: {}", settings_.socket, why);
    state_ = Line::lost;
    watch_.reset();
    socket_.reset();
    watchdog_.reset();
    if (!lookers_.empty()) answer_soon(fail(Code::retry, "{}", why_));
    seek();
    return fail(Code::retry, "{}", why_);
  }

  void seek() {
    retry_ = timers_.after(back_off_, [this] { come_back(); });
    back_off_ = std::min(back_off_ * 2, kLastRetry);
  }

  void come_back() {
    if (!policy_ || state_ != Line::lost) return;
    if (!connect()) return seek();
    state_ = Line::returning;
    auto request = setup_request(*policy_);
    if (!transmit(request)) return;
    retry_ = timers_.after(kReturnDeadline, [this] {
      static_cast<void>(lose(fmt::format("no answer within {} ms", kReturnDeadline.count())));
    });
  }

  /// Between calls: the connection's end, a late answer, or the answer to the policy of a gate that is back.
  void on_readable() {
    const auto packet = receive();
    if (!packet || *packet == nullptr) return;
    if (state_ != Line::returning || packet_.head.sequence != sequence_) return;
    if (auto laid = result_of(packet_.head); !laid && laid.error().code != Code::degrade) {
      static_cast<void>(lose(laid.error().message));
      return;
    }
    state_ = Line::up;
    retry_.reset();
    back_off_ = kFirstRetry;
    if (on_back_) on_back_();
  }

  const Settings settings_;
  ports::Poller& poller_;
  ports::Timers& timers_;
  Descriptor socket_;
  std::unique_ptr<ports::Handle> watch_, retry_, watchdog_, soon_;
  Line state_ = Line::lost;
  milliseconds back_off_ = kFirstRetry;
  std::uint32_t sequence_ = 0, look_sequence_ = 0;
  wire::Look packet_;  ///< the newest received
  std::vector<wire::Row> rows_;
  std::vector<State> lookers_;
  std::string why_ = "gate: not set up";
  std::optional<ports::GatePolicy> policy_;
  std::vector<IpPrefix> near_;  ///< of the uplink, when the rules were laid
  std::function<void()> on_back_;
};

}  // namespace

std::unique_ptr<ports::Gate> make_gate(Settings settings, ports::Poller& poller, ports::Timers& timers) {
  return std::make_unique<SocketGate>(std::move(settings), poller, timers);
}

}  // namespace foyer::drivers::nftables
