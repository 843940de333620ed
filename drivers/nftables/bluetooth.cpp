#include "drivers/nftables/bluetooth.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <deque>
#include <utility>

#include "drivers/nftables/socket.hpp"
#include "drivers/nftables/wire.hpp"

namespace foyer::drivers::nftables {
namespace {

constexpr std::chrono::milliseconds kAnswer{2000};
constexpr std::size_t kMostWaiting = 4;

class SocketBluetooth final : public ports::Bluetooth {
 public:
  SocketBluetooth(std::string socket, ports::Poller& poller, ports::Timers& timers)
      : path_(std::move(socket)), poller_(poller), timers_(timers) {}
  ~SocketBluetooth() override { drop(); }

  void open_tap(std::function<void(Result<int>)> done) override {
    ask({.op = wire::Op::bluetooth_tap}, std::move(done));
  }
  void reset(std::uint16_t index, std::function<void(Result<void>)> done) override {
    ask({.op = wire::Op::bluetooth_reset, .adapter = index}, [done = std::move(done)](Result<int> reply) {
      if (!reply) return done(fail(reply));
      done({});
    });
  }

 private:
  struct Waiting {
    std::uint32_t sequence;
    std::function<void(Result<int>)> done;
  };

  void ask(wire::BluetoothRequest request, std::function<void(Result<int>)> done) {
    request.sequence = ++sequence_;
    std::string why;
    const auto connected = socket_.get() < 0 ? connect() : Result<void>{};
    if (waiting_.size() >= kMostWaiting)
      why = "too much is asked at once";
    else if (!connected)
      why = connected.error().message;
    else if (::send(socket_.get(), &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
      why = std::strerror(errno);
    waiting_.push_back({request.sequence, std::move(done)});
    if (!why.empty()) return lose_soon(why);
    deadline_ = timers_.after(kAnswer, [this] { lose("no answer"); });
  }

  Result<void> connect() {
    auto socket = connect_to(path_);
    if (!socket) return fail(socket);
    socket_ = std::move(*socket);
    watch_ = poller_.watch(socket_.get(), POLLIN, [this](std::uint32_t) { read(); });
    return {};
  }

  void read() {
    wire::Reply reply;
    int fd = -1;
    const ssize_t got = receive_packet(socket_.get(), &reply, sizeof reply, &fd);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const bool whole = got == static_cast<ssize_t>(sizeof reply) && reply.magic == wire::kMagic &&
                       reply.version == wire::kVersion && !waiting_.empty() &&
                       waiting_.front().sequence == reply.sequence;
    if (!whole) {
      if (fd >= 0) ::close(fd);
      return lose(got <= 0 ? "connection closed" : "it speaks another version");
    }
    auto done = std::move(waiting_.front().done);
    waiting_.pop_front();
    if (waiting_.empty()) deadline_.reset();
    if (reply.status == wire::Status::ok) return done(fd);
    if (fd >= 0) ::close(fd);
    done(fail(reply.status == wire::Status::refuse ? Code::refuse : Code::retry, "foyer-gate: {}",
              wire::unpack_text(reply.text)));
  }

  /// From the loop, so that nobody is called back from within what they asked.
  void lose_soon(const std::string& why) {
    deadline_ = timers_.after(std::chrono::milliseconds{0}, [this, why] { lose(why); });
  }
  void lose(const std::string& why) {
    drop();
    deadline_.reset();
    for (auto& waiting : std::exchange(waiting_, {})) waiting.done(fail(Code::retry, "foyer-gate: {}: {}", path_, why));
  }
  void drop() {
    watch_.reset();
    socket_.reset();
  }

  const std::string path_;
  ports::Poller& poller_;
  ports::Timers& timers_;
  Descriptor socket_;
  std::unique_ptr<ports::Handle> watch_;
  ports::TimerHandle deadline_;
  std::uint32_t sequence_ = 0;
  std::deque<Waiting> waiting_;
};

}  // namespace

std::unique_ptr<ports::Bluetooth> make_bluetooth(std::string socket, ports::Poller& poller, ports::Timers& timers) {
  return std::make_unique<SocketBluetooth>(std::move(socket), poller, timers);
}

}  // namespace foyer::drivers::nftables
