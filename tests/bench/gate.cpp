#include <fmt/format.h>

#include "counting.hpp"
#include "drivers/nftables/nftables.hpp"
#include "drivers/systemd/loop.hpp"
#include "figure.hpp"

namespace foyer::bench {
namespace {

constexpr std::uint32_t kGuests = 2000;

ports::GuestKey guest(std::uint32_t i) {
  ports::GuestKey key;
  key.mac.bytes = {2, 1, 0, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
  key.ip = *parse_ip(fmt::format("10.9.{}.{}", 128 + i / 250, i % 250 + 1));
  return key;
}

template <class Op>
double mean_us(Op op) {
  const Watch watch;
  for (std::uint32_t i = 0; i < kGuests; ++i)
    if (auto done = op(guest(i)); !done) throw std::runtime_error("gate_op_us: " + done.error().message);
  return watch.seconds() * 1e6 / kGuests;
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
  const double admit = mean_us([&](const auto& key) { return gate->admit(key, std::chrono::hours{2}); });
  const double remove = mean_us([&](const auto& key) { return gate->remove(key); });
  // Only admissions have someone waiting. A removal is followed by a walk over the kernel's connections, for which the
  // next request waits when it comes at once.
  return {
      {"gate_op_us", admit, "us", kGuests,
       fmt::format("one admission, asked over the socket and done in the kernel, 0 to {} in; removals back to back: "
                   "{:.0f} each",
                   kGuests, remove)}};
}

}  // namespace foyer::bench
