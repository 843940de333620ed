// What somebody types or scans at a till: codes of ours, codes of a merchant's list, and the text of a QR code.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "campaign/coupon_seal.hpp"

using namespace foyer;

namespace {

SignatureSeed home_seed() {
  SignatureSeed seed{};
  seed.fill(7);
  return seed;
}

void seal_goes_there_and_back(std::string_view text, ByteView raw) {
  static const std::vector<campaign::ShopKey> keys{{"store-001", public_key_of(home_seed())}};
  if (const auto opened = campaign::open_seal(text, keys); opened && opened->issuer != "store-001") std::abort();
  // Whatever a campaign is called, what was sealed can be opened.
  campaign::Coupon coupon;
  coupon.id = std::string(32, 'a');
  const auto name = std::string(as_text(raw.first(std::min<std::size_t>(raw.size(), 64))));
  coupon.campaign = name;
  coupon.prize = name;
  coupon.benefit.kind = campaign::BenefitKind::gift;
  coupon.expires_at = from_unix_ms(static_cast<std::int64_t>(raw.size()) * 1'000'000'000);
  const auto sealed = campaign::open_seal(campaign::seal(coupon, "store-001", home_seed()), keys);
  if (!sealed || sealed->campaign != name || sealed->id != coupon.id) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto code = campaign::canonical_code(text)) {
    if (code->size() != 11 || campaign::canonical_code(*code) != code) std::abort();
  }
  if (campaign::is_own_code(text) && text.size() > campaign::kLongestOwnCode) std::abort();
  seal_goes_there_and_back(text, {data, size});
  return 0;
}
