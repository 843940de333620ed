#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "ports/gate.hpp"

/// What foyerd and foyer-gate say to each other over a SOCK_SEQPACKET unix socket: one Request a packet, answered by
/// one Reply, in order. `look` is answered by as many Look packets as it takes, the last one marked, and by as much as
/// the asker has room for: answers to other requests come in between. Both ends are on one machine and of one release:
/// integers in the machine's order, no pointers, unused bytes zero. A packet of another size, magic or version ends the
/// connection. Only root and the uid foyer-gate was started with are answered.
namespace foyer::drivers::nftables::wire {

inline constexpr std::uint32_t kMagic = 0x46594754;  // "FYGT"
inline constexpr std::uint16_t kVersion = 4;         ///< raised with every change of this file

enum class Op : std::uint16_t {
  ping = 1,   ///< is anybody there
  setup = 2,  ///< policy
  admit = 3,  ///< guest, seconds (1 to kMaxSeconds), used; one who is in is extended and goes on counting
  /// guest; the reply says what it had used. Nobody who is not in need be removed. With seconds not negative its MAC is
  /// refused everything for so long (0 to kMaxSeconds: 0 lets it try again), whatever was so before.
  remove = 4,
  look = 5,
  bluetooth_tap = 64,    ///< BluetoothRequest; answered with a descriptor of the Bluetooth monitor channel (SCM_RIGHTS)
  bluetooth_reset = 65,  ///< BluetoothRequest, adapter; answered when it has begun
};

/// ok, or the foyer::Code of the failure. After `degrade` the setup is in force but incomplete; text says what is not.
enum class Status : std::uint16_t { ok = 0, retry = 1, degrade = 2, refuse = 3, fatal = 4 };

struct Address {
  std::uint8_t family = 4;  ///< 4 or 6
  std::uint8_t prefix = 0;  ///< leading bits, only in a policy
  std::array<std::uint8_t, 16> bytes{};
};

/// Most devices a policy may block.
inline constexpr std::size_t kMaxBlocked = 64;
/// Most networks near the uplink that are kept from guests; further ones are not.
inline constexpr std::size_t kMaxNear = 8;

struct Policy {
  std::array<char, 16> interface {};  ///< NUL-terminated, as IFNAMSIZ demands
  std::array<char, 16> uplink{};
  Address address;
  std::uint16_t http_port = 0;
  std::uint16_t https_port = 0;
  std::uint8_t lan_access = 0;
  std::uint8_t near_count = 0;
  std::uint16_t blocked_count = 0;
  std::uint64_t quota = 0, down_bps = 0, up_bps = 0;
  std::array<std::array<std::uint8_t, 6>, kMaxBlocked> blocked{};
  std::array<Address, kMaxNear> near{};
};

struct Traffic {
  std::uint64_t up = 0, down = 0;
};

/// A guest's MAC and address as the sets hold them (nftables pads each part of a concatenation to 4 bytes).
struct Key {
  static constexpr std::size_t kMac = 6, kIp = 8, kSize4 = 12, kSize6 = 24;
  std::array<std::uint8_t, kSize6> bytes{};  ///< MAC, two of zero, address
  std::uint8_t size = kSize4;                ///< what of them counts; a device alone: kMac
  std::array<std::uint8_t, 7> unused{};
  std::span<const std::uint8_t> mac() const { return std::span(bytes).first(kMac); }
  std::span<const std::uint8_t> ip() const { return std::span(bytes).subspan(kIp, size - kIp); }
  std::span<const std::uint8_t> pair() const { return std::span(bytes).first(size); }
};

struct Request {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kVersion;
  Op op = Op::ping;
  std::uint32_t sequence = 0;  ///< comes back in the reply
  std::int32_t seconds = 0;
  Key guest;
  Traffic used;  ///< what the counters begin with, and is gone of the quota
  Policy policy;
};

struct Reply {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kVersion;
  Status status = Status::ok;
  std::uint32_t sequence = 0;
  std::uint16_t count = 0;       ///< rows in this packet
  std::uint16_t last = 1;        ///< no further packet answers this request
  Traffic used;                  ///< by the one who was removed
  std::array<char, 224> text{};  ///< for a person, NUL-terminated
};

/// Half of what is known of a guest's address, or a device that is kept out. A row may come twice; the later one
/// counts.
enum class What : std::uint32_t { up, down, kept_out };
struct Row {
  Key key;  ///< down: without the MAC; kept_out: the MAC alone
  std::uint32_t seconds_left = 0;
  What what = What::up;     ///< up: bytes the guest sent; down: that were sent to it
  std::uint64_t bytes = 0;  ///< none of kept_out
};

/// What is counted in packets, in the order of Look::tallies; the names of the counters in rules/foyer.nft.
inline constexpr std::array<const char*, 9> kTallies{"refused",       "redirected", "blocked",
                                                     "dns_over_rate", "over_rate",  "over_quota",
                                                     "fence_crowded", "fence_cut",  "fence_out"};

inline constexpr std::size_t kRowsPerPacket = 64;
struct Look {
  Reply head;
  std::array<std::uint64_t, kTallies.size()> tallies{};  ///< in the last packet
  std::array<Row, kRowsPerPacket> rows{};
};

/// Most guests at once, IPv4 and IPv6 addresses (rules/foyer.nft). A set that is full refuses the newest.
inline constexpr std::size_t kMaxGuests4 = 8192;
inline constexpr std::size_t kMaxGuests6 = 16384;
inline constexpr std::size_t kMaxKeptOut = 1024;
inline constexpr std::int32_t kMaxSeconds = 31 * 24 * 3600;

static_assert(sizeof(Address) == 18 && sizeof(Policy) == 616 && sizeof(Key) == 32 && sizeof(Row) == 48);
static_assert(sizeof(Request) == 16 + 32 + 16 + 616 && sizeof(Reply) == 256 && sizeof(Look) == 256 + 72 + 64 * 48);
static_assert(std::is_trivially_copyable_v<Request> && std::is_trivially_copyable_v<Look>);

/// What the radio asks, on a connection of its own, told from a Request by its size; answered by a Reply.
struct BluetoothRequest {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kVersion;
  Op op = Op::bluetooth_tap;
  std::uint32_t sequence = 0;
  std::uint32_t adapter = 0;  ///< N of hciN
};
static_assert(sizeof(BluetoothRequest) == 16);
/// The packet that was received where a Request was expected.
inline BluetoothRequest bluetooth_of(const Request& request) {
  return {request.magic, request.version, request.op, request.sequence, static_cast<std::uint32_t>(request.seconds)};
}

inline Address pack(const IpAddress& ip, std::uint8_t prefix = 0) {
  return {static_cast<std::uint8_t>(ip.family), prefix, ip.bytes};
}
inline IpAddress unpack(const Address& address) {
  const auto family = address.family == 6 ? IpAddress::Family::v6 : IpAddress::Family::v4;
  return {family, address.bytes};
}
inline Key pack(const ports::GuestKey& key) {
  Key packed;
  packed.size = key.ip.family == IpAddress::Family::v6 ? Key::kSize6 : Key::kSize4;
  std::copy(key.mac.bytes.begin(), key.mac.bytes.end(), packed.bytes.begin());
  std::copy_n(key.ip.bytes.begin(), packed.size - Key::kIp, packed.bytes.begin() + Key::kIp);
  return packed;
}
inline ports::GuestKey unpack(const Key& packed) {
  ports::GuestKey key;
  key.ip.family = packed.size == Key::kSize6 ? IpAddress::Family::v6 : IpAddress::Family::v4;
  std::copy_n(packed.bytes.begin(), Key::kMac, key.mac.bytes.begin());
  std::copy(packed.bytes.begin() + Key::kIp, packed.bytes.end(), key.ip.bytes.begin());
  return key;
}

inline Traffic pack(const ports::Traffic& traffic) { return {traffic.up, traffic.down}; }
inline ports::Traffic unpack(const Traffic& traffic) { return {traffic.up, traffic.down}; }

/// Copies text, cut to fit; always terminated.
template <std::size_t N>
void pack_text(std::array<char, N>& to, std::string_view text) {
  to = {};
  std::memcpy(to.data(), text.data(), text.size() < N - 1 ? text.size() : N - 1);
}
template <std::size_t N>
std::string unpack_text(const std::array<char, N>& from) {
  return {from.data(), strnlen(from.data(), N)};
}

/// Names of interfaces longer than 15 letters and devices past kMaxBlocked are the caller's fault.
inline Policy pack(const ports::GatePolicy& policy) {
  Policy packed;
  pack_text(packed.interface, policy.interface);
  pack_text(packed.uplink, policy.uplink);
  packed.address = pack(policy.address.address, policy.address.length);
  packed.http_port = policy.http_port;
  packed.https_port = policy.https_port;
  packed.lan_access = policy.lan_access ? 1 : 0;
  packed.quota = policy.quota;
  packed.down_bps = policy.down_bps;
  packed.up_bps = policy.up_bps;
  for (const auto& mac : policy.blocked)
    if (packed.blocked_count < kMaxBlocked) packed.blocked[packed.blocked_count++] = mac.bytes;
  for (const auto& network : policy.near)
    if (packed.near_count < kMaxNear) packed.near[packed.near_count++] = pack(network.address, network.length);
  return packed;
}
inline ports::GatePolicy unpack(const Policy& packed) {
  ports::GatePolicy policy;
  policy.interface = unpack_text(packed.interface);
  policy.uplink = unpack_text(packed.uplink);
  policy.address = {unpack(packed.address), packed.address.prefix};
  policy.http_port = packed.http_port;
  policy.https_port = packed.https_port;
  policy.lan_access = packed.lan_access != 0;
  policy.quota = packed.quota;
  policy.down_bps = packed.down_bps;
  policy.up_bps = packed.up_bps;
  for (std::size_t i = 0; i < packed.blocked_count && i < kMaxBlocked; ++i)
    policy.blocked.push_back({packed.blocked[i]});
  for (std::size_t i = 0; i < packed.near_count && i < kMaxNear; ++i)
    policy.near.push_back({unpack(packed.near[i]), packed.near[i].prefix});
  return policy;
}

}  // namespace foyer::drivers::nftables::wire
