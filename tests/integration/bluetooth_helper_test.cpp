#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "drivers/nftables/bluetooth.hpp"
#include "drivers/nftables/kernel/server.hpp"
#include "support/files.hpp"
#include "support/test_loop.hpp"

/// foyerd's side of the Bluetooth requests against a gate that is scripted, and foyer-gate's side itself.
namespace foyer::drivers::nftables {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class BluetoothHelper : public testing::Test {
 protected:
  BluetoothHelper() { helper = make_bluetooth(path, loop, loop); }
  ~BluetoothHelper() override {
    watch_.reset();
    hang_up();
    if (listener_ >= 0) ::close(listener_);
  }
  /// Answers every request as `answer` says, on the test's own loop.
  void open_gate(std::function<void(int peer, const wire::Request&)> answer) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    listener_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener_, 4), 0);
    watch_ = loop.watch(listener_, POLLIN, [this, answer](std::uint32_t) {
      hang_up();
      peer_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      peer_watch_ = loop.watch(peer_, POLLIN, [this, answer](std::uint32_t) {
        wire::Request request;
        const auto got = ::recv(peer_, &request, sizeof request, MSG_DONTWAIT);
        if (got == static_cast<ssize_t>(sizeof(wire::BluetoothRequest))) return answer(peer_, request);
        hang_up();
      });
    });
  }
  void hang_up() {
    peer_watch_.reset();
    if (peer_ >= 0) ::close(std::exchange(peer_, -1));
  }
  std::optional<Result<int>> tap() {
    std::optional<Result<int>> result;
    helper->open_tap([&](Result<int> fd) { result = std::move(fd); });
    EXPECT_FALSE(result) << "called back from within";
    EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }));
    return result;
  }

  test::TestLoop loop;
  const test::Folder folder_;
  const std::string path = folder_ / "gate.sock";
  std::unique_ptr<ports::Bluetooth> helper;

 private:
  int listener_ = -1, peer_ = -1;
  std::unique_ptr<ports::Handle> watch_, peer_watch_;
};

wire::Reply reply_to(const wire::Request& request) {
  wire::Reply reply;
  reply.sequence = request.sequence;
  return reply;
}

TEST_F(BluetoothHelper, WithoutAGateIsRetried) {
  const auto result = tap();
  ASSERT_TRUE(result && !*result);
  EXPECT_EQ(result->error().code, Code::retry);
  EXPECT_THAT(result->error().message, HasSubstr(path));
}

TEST_F(BluetoothHelper, BringsTheDescriptorAndItWorks) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  open_gate([&](int peer, const wire::Request& request) {
    EXPECT_EQ(request.op, wire::Op::bluetooth_tap);
    auto reply = reply_to(request);
    iovec part{&reply, sizeof reply};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    *CMSG_FIRSTHDR(&message) = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &ends[0], sizeof(int));
    EXPECT_GT(::sendmsg(peer, &message, 0), 0);
  });
  const auto result = tap();
  ASSERT_TRUE(result && *result) << result->error().message;
  EXPECT_NE(::fcntl(**result, F_GETFD) & FD_CLOEXEC, 0);
  char byte = 0;
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(::read(**result, &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  ::close(**result);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(BluetoothHelper, ARefusalIsToldAsItWasSaid) {
  open_gate([](int peer, const wire::Request& request) {
    auto reply = reply_to(request);
    reply.status = wire::Status::refuse;
    wire::pack_text(reply.text, "Bluetooth monitor channel: Operation not permitted");
    EXPECT_GT(::send(peer, &reply, sizeof reply, 0), 0);
  });
  const auto result = tap();
  ASSERT_TRUE(result && !*result);
  EXPECT_EQ(result->error().code, Code::refuse);
  EXPECT_THAT(result->error().message, HasSubstr("Operation not permitted"));
}

TEST_F(BluetoothHelper, AGateThatHangsUpOrSpeaksAnotherVersionFailsWhatWasAsked) {
  open_gate([this](int, const wire::Request&) { hang_up(); });
  auto result = tap();
  ASSERT_TRUE(result && !*result);
  EXPECT_EQ(result->error().code, Code::retry);
  std::optional<Result<void>> reset;
  helper->reset(0, [&](Result<void> done) { reset = std::move(done); });
  ASSERT_TRUE(loop.run_until([&] { return reset.has_value(); }));
  EXPECT_FALSE(*reset);
}

TEST_F(BluetoothHelper, ASilentGateIsNotWaitedForForEver) {
  open_gate([](int, const wire::Request&) {});
  const auto result = tap();
  ASSERT_TRUE(result && !*result);
  EXPECT_THAT(result->error().message, HasSubstr("no answer"));
}

/// foyer-gate's own side. Without a Bluetooth stack in the kernel it says so; with one and CAP_NET_RAW a descriptor
/// comes, on which nobody can write.
TEST_F(BluetoothHelper, TheGateOpensTheMonitorChannelOrSaysWhyNot) {
  kernel::Bluetooth bluetooth;
  open_gate(
      [&](int peer, const wire::Request& request) { EXPECT_TRUE(bluetooth.serve(peer, wire::bluetooth_of(request))); });
  const auto result = tap();
  ASSERT_TRUE(result.has_value());
  if (!*result) {
    EXPECT_THAT(result->error().message, HasSubstr("Bluetooth monitor channel: "));
    return;
  }
  EXPECT_LT(::send(**result, "anything", 8, MSG_NOSIGNAL), 0);
  const int off = 0;
  EXPECT_LT(::setsockopt(**result, SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof off), 0) << "the filter is locked";
  ::close(**result);
}

TEST_F(BluetoothHelper, TheGateAnswersNothingElse) {
  kernel::Bluetooth bluetooth;
  EXPECT_FALSE(bluetooth.serve(-1, {.op = wire::Op::look}));
}

}  // namespace
}  // namespace foyer::drivers::nftables
