// A campaign as it comes over MQTT or from the operator: whatever the bytes, a campaign that can be stored and read
// back, or faults that say where.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "campaign/reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace foyer::campaign;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = parse_campaign_json(text, "fuzz");
  if (!read) {
    if (read.error().empty()) std::abort();
    for (const auto& fault : read.error()) static_cast<void>(foyer::to_string(fault));
    return 0;
  }
  const auto stored = to_json(*read);
  const auto again = parse_campaign_json(stored, "ledger", Origin::stored);
  if (!again || *again != *read || to_json(*again) != stored) std::abort();
  return 0;
}
