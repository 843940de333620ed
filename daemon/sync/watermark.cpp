#include "sync/watermark.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace foyer::sync {

Result<Watermark> parse_watermark(std::string_view payload) {
  if (payload.size() > kMaxWatermarkBytes)
    return fail(Code::refuse, "watermark has {} bytes, at most {} are allowed", payload.size(), kMaxWatermarkBytes);
  const auto value = nlohmann::json::parse(payload, nullptr, false);
  if (!value.is_object() || value.size() != 2 || !value.contains("epoch") || !value.contains("upto"))
    return fail(Code::refuse, R"(watermark must be {{"epoch":"16 hex","upto":n}})");
  if (!value["epoch"].is_string()) return fail(Code::refuse, "watermark epoch must be a string of 16 hex digits");
  if (!value["upto"].is_number_unsigned()) return fail(Code::refuse, "watermark upto must be a whole number from 0");
  Watermark mark{value["epoch"].get<std::string>(), value["upto"].get<std::uint64_t>()};
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (mark.epoch.size() != 16 || !std::all_of(mark.epoch.begin(), mark.epoch.end(), hex))
    return fail(Code::refuse, "watermark epoch must be a string of 16 hex digits");
  return mark;
}

}  // namespace foyer::sync
