#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ports/gate.hpp"

/// What foyerd and foyer-gate say to each other over a SOCK_SEQPACKET unix socket: one Request a packet, answered in
/// order by one Reply, or for `guests` by as many GuestsReply packets as it takes, the last one marked. Both ends are
/// on one machine and of one release: integers in the machine's order, no pointers, unused bytes zero. A packet of
/// another size, magic or version ends the connection. Only root and the uid foyer-gate was started with are answered.
namespace foyer::drivers::nftables::wire {

inline constexpr std::uint32_t kMagic = 0x46594754;  // "FYGT"
inline constexpr std::uint16_t kVersion = 1;         ///< raised with every change of this file

enum class Op : std::uint16_t {
  ping = 1,    ///< is anybody there
  setup = 2,   ///< policy
  admit = 3,   ///< guest, ttl_seconds
  remove = 4,  ///< guest
  guests = 5,
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

struct Policy {
  std::array<char, 16> interface {};  ///< NUL-terminated, as IFNAMSIZ demands
  std::array<char, 16> uplink{};
  Address address;
  std::uint16_t http_port = 0;
  std::uint16_t https_port = 0;
  std::uint8_t lan_access = 0;
  std::uint8_t unused[3] = {};
};

struct Key {
  std::array<std::uint8_t, 6> mac{};
  Address ip;
};

struct Request {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kVersion;
  Op op = Op::ping;
  std::uint32_t sequence = 0;  ///< comes back in the reply
  std::uint32_t ttl_seconds = 0;
  Policy policy;
  Key guest;
};

struct Reply {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kVersion;
  Status status = Status::ok;
  std::uint32_t sequence = 0;
  std::uint16_t count = 0;       ///< guests in this packet
  std::uint16_t last = 1;        ///< no further packet answers this request
  std::array<char, 240> text{};  ///< for a person, NUL-terminated
};

struct Guest {
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::uint32_t seconds_left = 0;
  Key key;
};

inline constexpr std::size_t kGuestsPerPacket = 64;
struct GuestsReply {
  Reply head;
  std::array<Guest, kGuestsPerPacket> guests{};
};

/// Most guests at once, IPv4 and IPv6 addresses. A set that is full refuses the newest.
inline constexpr std::size_t kMaxGuests4 = 8192;
inline constexpr std::size_t kMaxGuests6 = 16384;
inline constexpr std::uint32_t kMaxTtlSeconds = 31 * 24 * 3600;

static_assert(sizeof(Address) == 18 && sizeof(Policy) == 58 && sizeof(Key) == 24);
static_assert(sizeof(Request) == 100 && sizeof(Reply) == 256 && sizeof(Guest) == 48);
static_assert(sizeof(GuestsReply) == 256 + 64 * 48);
static_assert(std::is_trivially_copyable_v<Request> && std::is_trivially_copyable_v<GuestsReply>);

/// What the radio asks, on a connection of its own, told from a Request by its size; answered by a Reply.
struct BluetoothRequest {
  std::uint32_t magic = kMagic;
  std::uint16_t version = kVersion;
  Op op = Op::bluetooth_tap;
  std::uint32_t sequence = 0;
  std::uint32_t adapter = 0;  ///< N of hciN
};
static_assert(sizeof(BluetoothRequest) == 16);

inline Address pack(const IpAddress& ip, std::uint8_t prefix = 0) {
  return {static_cast<std::uint8_t>(ip.family), prefix, ip.bytes};
}
inline IpAddress unpack(const Address& address) {
  const auto family = address.family == 6 ? IpAddress::Family::v6 : IpAddress::Family::v4;
  return {family, address.bytes};
}
inline Key pack(const ports::GuestKey& key) { return {key.mac.bytes, pack(key.ip)}; }
inline ports::GuestKey unpack(const Key& key) { return {MacAddress{key.mac}, unpack(key.ip)}; }

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

}  // namespace foyer::drivers::nftables::wire
