#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/aes.hpp"
#include "base/time.hpp"

namespace foyer::beacon {

using Eid = std::array<std::uint8_t, 8>;

/// One beacon that hides behind ephemeral identifiers: what was agreed with it when it was registered.
struct EidKey {
  std::string name;               ///< what it is called here; at most Identifier::kMostName bytes
  AesBlock identity_key{};        ///< shared with the beacon; secret
  std::uint8_t rotation = 0;      ///< K, 0 to 15: a fresh identifier every 2^K seconds
  std::int64_t clock_offset = 0;  ///< UTC seconds less the beacon's own clock
  bool operator==(const EidKey&) const = default;
};

/// What the beacon sends while its clock, in seconds, stands at `clock`: Eddystone, eddystone-eid, "EID computation":
///   temporary key = AES128(identity key, 0 × 11 | FF | 0 × 2 | clock >> 16, 16 bit big-endian)
///   EID = first 8 bytes of AES128(temporary key, 0 × 11 | K | clock with its low K bits cleared, 32 bit big-endian)
Eid eid_at(const AesBlock& identity_key, std::uint8_t rotation, std::uint32_t clock);

/// Whose an EID is. What each key sends now, and sends while its clock is wrong by up to kDrift (at least one rotation)
/// either way, is computed when it begins to matter and kept, so that looking one up enciphers and allocates nothing,
/// however many come. Core thread.
class EidResolver {
 public:
  static constexpr std::chrono::seconds kDrift{60};
  static constexpr std::size_t kMostKeys = 256;  ///< what is more is left out; the configuration allows no more

  explicit EidResolver(std::vector<EidKey> keys = {});

  /// Moves the window to `now`; call every second. Enciphers once for each identifier that has come into it.
  void advance(WallTime now);

  /// Nothing where no key sends it now.
  const EidKey* resolve(const Eid& eid) const;

  std::size_t size() const { return known_; }               ///< identifiers in the window
  std::uint64_t enciphered() const { return enciphered_; }  ///< EIDs computed since it was made

 private:
  struct Window {
    std::vector<Eid> ring;            ///< by slot, modulo its size
    std::int64_t first = 0, end = 0;  ///< slots computed
  };
  struct Place {
    Eid eid{};
    std::uint16_t key = kFree;
  };
  static constexpr std::uint16_t kFree = UINT16_MAX;

  bool move(std::size_t key, std::int64_t clock);
  void index();
  std::size_t home(const Eid& eid) const;

  std::vector<EidKey> keys_;
  std::vector<Window> windows_;  ///< of each key
  std::vector<Place> places_;    ///< open addressing, a power of two, at most half full
  std::size_t known_ = 0;
  std::uint64_t enciphered_ = 0;
};

}  // namespace foyer::beacon
