#include "campaign/coupon_seal.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "base/pseudonym.hpp"

namespace foyer::campaign {
namespace {

constexpr std::string_view kPrefix = "F:";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMostStores = 64;  // in a QR code; more are only known at home
constexpr std::string_view kPayloadSymbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

char capital(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::optional<Bytes> from_base32(std::string_view text) {
  Bytes out;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const auto digit = kPayloadSymbols.find(capital(c));
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 5 | static_cast<std::uint32_t>(digit)) & 0xfff;
    have += 5;
    if (have >= 8) {
      have -= 8;
      out.push_back(static_cast<std::uint8_t>(bits >> have & 255));
    }
  }
  if (have >= 5 || (bits & ((1u << have) - 1)) != 0) return std::nullopt;  // one text for one seal
  return out;
}

class Writer {
 public:
  void byte(std::uint8_t value) { out_.push_back(value); }
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void four(std::uint32_t value) {
    for (const int shift : {24, 16, 8, 0}) byte(static_cast<std::uint8_t>(value >> shift & 255));
  }
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void text(std::string_view text) {
    byte(static_cast<std::uint8_t>(std::min<std::size_t>(text.size(), 255)));
    raw(as_bytes(text.substr(0, 255)));
  }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

/// Reads what Writer wrote; once something is missing, everything after it is nothing and good() is false.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}
  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }
  ByteView raw(std::size_t count) {
    if (!good_ || rest_.size() < count) {
      good_ = false;
      return {};
    }
    const auto part = rest_.first(count);
    rest_ = rest_.subspan(count);
    return part;
  }
  std::uint8_t byte() {
    const auto part = raw(1);
    return part.empty() ? std::uint8_t{0} : part[0];
  }
  std::uint32_t four() {
    std::uint32_t value = 0;
    for (const auto part : raw(4)) value = value << 8 | part;
    return value;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const auto part = byte();
      value |= std::uint64_t{part & 0x7fu} << shift;
      if ((part & 0x80) == 0) return value;
    }
    good_ = false;
    return 0;
  }
  std::string text(std::size_t size) { return std::string(as_text(raw(size))); }

 private:
  ByteView rest_;
  bool good_ = true;
};

std::uint32_t seconds_of(WallTime time) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time.time_since_epoch()).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, UINT32_MAX));
}
WallTime at_seconds(std::uint32_t seconds) { return WallTime{std::chrono::seconds{seconds}}; }

void write_benefit(Writer& out, const Benefit& benefit) {
  const auto amount = benefit.amount.value_or(Money{0, "XXX"});
  out.byte(static_cast<std::uint8_t>(benefit.kind));
  if (benefit.kind == BenefitKind::amount_off) out.number(static_cast<std::uint64_t>(amount.minor));
  if (benefit.kind == BenefitKind::percent_off) out.number(benefit.percent_bp);
  const auto least = benefit.min_spend ? benefit.min_spend->minor : 0;
  out.number(static_cast<std::uint64_t>(least));
  if (benefit.kind == BenefitKind::amount_off)
    out.raw(as_bytes(amount.currency));
  else if (least > 0)
    out.raw(as_bytes(benefit.min_spend->currency));
}

std::optional<Benefit> read_benefit(Reader& in) {
  const auto kind = in.byte();
  if (kind > static_cast<std::uint8_t>(BenefitKind::stamp)) return std::nullopt;
  Benefit benefit;
  benefit.kind = static_cast<BenefitKind>(kind);
  std::uint64_t amount = 0;
  if (benefit.kind == BenefitKind::amount_off) amount = in.number();
  if (benefit.kind == BenefitKind::percent_off) benefit.percent_bp = static_cast<std::uint32_t>(in.number());
  const auto least = in.number();
  if (benefit.kind != BenefitKind::amount_off && least == 0) return benefit;
  const auto currency = in.text(3);
  if (benefit.kind == BenefitKind::amount_off) benefit.amount = Money{static_cast<std::int64_t>(amount), currency};
  if (least > 0) benefit.min_spend = Money{static_cast<std::int64_t>(least), currency};
  return benefit;
}

std::vector<std::uint32_t> tags_of(const Coupon& coupon, const std::string& home) {
  if (coupon.hours != WeekHours{} || coupon.redeem_at.empty()) return {store_tag(home)};
  std::vector<std::uint32_t> tags;
  for (const auto& store : coupon.redeem_at)
    if (tags.size() < kMostStores) tags.push_back(store_tag(store));
  return tags;
}

std::uint32_t key_tag(const PublicKey& key) {
  const auto digest = sha256(key);
  Reader reader(digest);
  return reader.four();
}

std::optional<CouponSeal> read_seal(Reader& in) {
  CouponSeal seal;
  seal.id = to_hex(in.raw(16));
  seal.starts_at = at_seconds(in.four());
  seal.expires_at = at_seconds(in.four());
  seal.uses = static_cast<std::uint32_t>(in.number());
  seal.interval = std::chrono::seconds(in.number());
  const auto stores = in.byte();
  for (int i = 0; i < stores; ++i) seal.stores.push_back(in.four());
  auto benefit = read_benefit(in);
  if (!benefit) return std::nullopt;
  seal.benefit = std::move(*benefit);
  seal.campaign = in.text(in.byte());
  seal.prize = in.text(in.byte());
  if (!in.good() || !in.at_end()) return std::nullopt;
  return seal;
}

}  // namespace

std::uint32_t store_tag(std::string_view store) {
  const auto digest = sha256(as_bytes(store));
  Reader reader(digest);
  return reader.four();
}

std::string seal(const Coupon& coupon, const std::string& home, const SignatureSeed& seed) {
  Writer out;
  out.byte(kVersion);
  out.four(key_tag(public_key_of(seed)));
  out.raw(from_hex(coupon.id).value_or(Bytes{}));
  out.four(seconds_of(coupon.starts_at));
  out.four(seconds_of(coupon.expires_at));
  out.number(coupon.uses);
  out.number(static_cast<std::uint64_t>(coupon.interval.count()));
  const auto tags = tags_of(coupon, home);
  out.byte(static_cast<std::uint8_t>(tags.size()));
  for (const auto tag : tags) out.four(tag);
  write_benefit(out, coupon.benefit);
  out.text(coupon.campaign);
  out.text(coupon.prize);
  auto message = out.take();
  const auto signature = sign(seed, message);
  message.insert(message.end(), signature.begin(), signature.end());
  std::string text(kPrefix);
  for (const char c : to_base32(message)) text += capital(c);
  return text;
}

bool looks_sealed(std::string_view typed) {
  return typed.size() > kPrefix.size() && capital(typed[0]) == kPrefix[0] && typed[1] == kPrefix[1];
}

tl::expected<CouponSeal, Reason> open_seal(std::string_view typed, std::span<const ShopKey> keys) {
  const auto bad = tl::make_unexpected(Reason::bad_signature);
  if (!looks_sealed(typed) || typed.size() > kLongestSeal) return bad;
  const auto bytes = from_base32(typed.substr(kPrefix.size()));
  Signature signature{};
  if (!bytes || bytes->size() <= signature.size()) return bad;
  const auto message = ByteView(*bytes).first(bytes->size() - signature.size());
  std::ranges::copy(ByteView(*bytes).last(signature.size()), signature.begin());
  Reader in(message);
  if (in.byte() != kVersion) return bad;
  const auto tag = in.four();
  for (const auto& shop : keys) {
    if (key_tag(shop.key) != tag || !is_signed_by(shop.key, message, signature)) continue;
    auto seal = read_seal(in);
    if (!seal) return bad;
    seal->issuer = shop.store;
    return std::move(*seal);
  }
  return bad;
}

Coupon coupon_of(const CouponSeal& seal, const std::string& store, WallTime now) {
  Coupon coupon;
  coupon.id = seal.id;
  coupon.code.clear();  // its own code is known at home alone
  coupon.campaign = seal.campaign;
  coupon.prize = seal.prize;
  coupon.benefit = seal.benefit;
  coupon.uses = coupon.uses_left = seal.uses;
  coupon.interval = seal.interval;
  const bool here = std::ranges::find(seal.stores, store_tag(store)) != seal.stores.end();
  coupon.redeem_at = {here ? store : seal.issuer};
  coupon.issued_at = now;
  coupon.starts_at = seal.starts_at;
  coupon.expires_at = seal.expires_at;
  return coupon;
}

}  // namespace foyer::campaign
