#include <fmt/format.h>
#include <linux/netfilter/nf_tables.h>

#include "counting.hpp"
#include "drivers/nftables/kernel/table.hpp"
#include "drivers/nftables/nftables.hpp"
#include "drivers/systemd/loop.hpp"
#include "figure.hpp"

namespace foyer::bench {
namespace {

constexpr std::uint32_t kGuests = 5000, kMore = 2000;

ports::GuestKey guest(std::uint32_t i) {
  ports::GuestKey key;
  key.mac.bytes = {2, 1, 0, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
  key.ip = *parse_ip(fmt::format("10.9.{}.{}", 128 + i / 250, i % 250 + 1));
  return key;
}

/// Microseconds an operation, of guests `from` to `to`.
template <class Op>
double mean_us(std::uint32_t from, std::uint32_t to, Op op) {
  const Watch watch;
  for (std::uint32_t i = from; i < to; ++i)
    if (auto done = op(guest(i)); !done) throw std::runtime_error("gate_op_us: " + done.error().message);
  return watch.seconds() * 1e6 / (to - from);
}

/// Milliseconds until everyone who is in is told; the median of some.
double look_ms(ports::Gate& gate, drivers::systemd::Loop& loop, std::size_t expected) {
  std::vector<double> ms;
  std::size_t told = expected;
  std::function<void()> next = [&] {
    gate.look([&, watch = Watch()](const Result<ports::GateState>& state) {
      ms.push_back(watch.seconds() * 1e3);
      told = state ? state->guests.size() : 0;
      if (ms.size() == 21 || told != expected) return loop.quit(0);
      next();
    });
  };
  next();
  static_cast<void>(loop.run());
  if (told != expected) throw std::runtime_error(fmt::format("gate_look_ms: {} guests, not {}", told, expected));
  return percentile(ms, 0.5);
}

void check(int error) {
  if (error != 0) throw std::runtime_error(fmt::format("gate_op_us: netlink: {}", std::strerror(error)));
}

/// Microseconds of one admission as foyer-gate carries it out, without the way to it over the socket.
double inside_us() {
  const auto table = std::make_unique<drivers::nftables::kernel::Table>();
  check(table->open());
  const Watch watch;
  for (std::uint32_t i = kGuests; i < kGuests + kMore; ++i)
    check(table->admit(drivers::nftables::wire::pack(guest(i)), std::chrono::hours{2}, {}));
  const double us = watch.seconds() * 1e6 / kMore;
  drivers::nftables::wire::Traffic used;
  for (std::uint32_t i = kGuests; i < kGuests + kMore; ++i)
    check(table->remove(drivers::nftables::wire::pack(guest(i)), std::chrono::seconds{-1}, used));
  return us;
}

/// Microseconds the kernel takes for its transaction: what was put together is sent and its answer read.
double bare_us() {
  const auto netlink = std::make_unique<drivers::nftables::kernel::Netlink>();
  check(netlink->open());
  double seconds = 0;
  const auto transact = [&](std::uint32_t i, bool add) {
    const auto key = drivers::nftables::wire::pack(guest(i));
    const std::chrono::milliseconds left{add ? 7'200'000 : 0};
    const auto bytes = add ? std::optional<std::uint64_t>(0) : std::nullopt;
    const int type = add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
    netlink->begin(true);
    netlink->element(type, flags, "auth4", {key.pair(), left, bytes, {}});
    netlink->element(type, flags, "down4", {key.ip(), left, bytes, {}});
    const Watch watch;
    check(netlink->send());
    if (add) seconds += watch.seconds();
  };
  for (const bool add : {true, false})
    for (std::uint32_t i = kGuests; i < kGuests + kMore; ++i) transact(i, add);
  return seconds * 1e6 / kMore;
}

}  // namespace

Figures gating(const std::string& socket, const std::string& interface, const std::string& uplink,
               const std::string& address) {
  auto loop = drivers::systemd::Loop::make();
  if (!loop) throw std::runtime_error(loop.error().message);
  const auto gate = drivers::nftables::make_gate({socket}, **loop, **loop);
  ports::GatePolicy policy;
  policy.interface = interface;
  policy.uplink = uplink;
  policy.address = parse_prefix(address).value();
  if (auto laid = gate->setup(policy); !laid) throw std::runtime_error("gate_op_us: " + laid.error().message);
  const auto admit = [&](const auto& key) { return gate->admit(key, std::chrono::hours{2}); };
  const auto remove = [&](const auto& key) { return gate->remove(key); };
  mean_us(0, kGuests, admit);
  const double admitted = mean_us(kGuests, kGuests + kMore, admit);
  const double removed = mean_us(kGuests, kGuests + kMore, remove);
  const double extended = mean_us(0, kMore, admit);
  const double look = look_ms(*gate, **loop, kGuests);
  const double inside = inside_us(), bare = bare_us();
  mean_us(0, kGuests, remove);
  return {
      {"gate_op_us", inside, "us", kMore,
       fmt::format("one admission as foyer-gate carries it out, with {} in already; {:.2f} times the kernel's part, "
                   "{:.1f} us for the bare transaction",
                   kGuests, inside / bare, bare)},
      {"gate_ask_us", admitted, "us", kMore,
       fmt::format("the same asked over the socket, two programs woken; an extension {:.0f}, a removal {:.0f}",
                   extended, removed)},
      {"gate_look_ms", look, "ms", 21, fmt::format("until foyerd knows the counters of {} guests", kGuests)}};
}

}  // namespace foyer::bench
