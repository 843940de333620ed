#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/signature.hpp"
#include "campaign/coupon.hpp"

/// The text in a coupon's QR code: what another shop of the chain needs to take the coupon while the line is cut,
/// signed by the shop that gave it. "F:" and Crockford's base 32 in capitals, which is what a QR code packs best, of
///
///   version 1 (1) | key 4 (first bytes of SHA-256 of the public key) | coupon id 16 | starts 4 | ends 4 (unix
///   seconds) | uses | interval (s) | stores 1, then 4 bytes each (see store_tag) | benefit: kind 1, then the amount
///   or hundredths of a percent, then the least purchase (0: none), then 3 letters of currency where there is money
///   | campaign | prize: length 1 and text | Ed25519 signature 64 over all before
///
/// big-endian; numbers without a width are LEB128. It proves that the coupon is genuine, never that it is unused.
namespace foyer::campaign {

struct CouponSeal {
  std::string id;
  std::string campaign, prize;
  Benefit benefit;  ///< without the item's name
  std::uint32_t uses = 1;
  std::chrono::seconds interval{0};
  WallTime starts_at{}, expires_at{};
  std::vector<std::uint32_t> stores;  ///< tags of the stores that may take it
  std::string issuer;                 ///< the store whose key it is
};

struct ShopKey {
  std::string store;
  PublicKey key{};
};

/// First four bytes of SHA-256 of a store's id.
std::uint32_t store_tag(std::string_view store);

inline constexpr std::size_t kLongestSeal = 1024;
/// Another shop does not know hours: a coupon that has them names its home alone.
std::string seal(const Coupon& coupon, const std::string& home, const SignatureSeed& seed);

bool looks_sealed(std::string_view typed);
/// bad_signature: malformed, unknown key, or changed. Nothing is said of its dates.
tl::expected<CouponSeal, Reason> open_seal(std::string_view typed, std::span<const ShopKey> keys);

/// The coupon as the shop takes it into its own books, unused and without a code.
Coupon coupon_of(const CouponSeal& seal, const std::string& store, WallTime now);

}  // namespace foyer::campaign
