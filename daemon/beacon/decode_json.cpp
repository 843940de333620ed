#include <algorithm>
#include <nlohmann/json.hpp>

#include "beacon/decode.hpp"

namespace foyer::beacon {
namespace {

using Json = nlohmann::ordered_json;

Json shape(const IBeacon& f) {
  return {{"format", "ibeacon"},
          {"uuid", to_string(f.id.uuid)},
          {"major", f.id.major},
          {"minor", f.id.minor},
          {"measured_power", f.measured_power}};
}
Json shape(const AltBeacon& f) {
  return {{"format", "altbeacon"},
          {"company", f.company},
          {"id", to_hex(f.id)},
          {"measured_power", f.measured_power},
          {"reserved", f.reserved}};
}
Json shape(const EddystoneUid& f) {
  return {{"format", "eddystone-uid"},
          {"namespace", to_hex(f.name_space)},
          {"instance", to_hex(f.instance)},
          {"tx_power", f.tx_power}};
}
Json shape(const EddystoneUrl& f) { return {{"format", "eddystone-url"}, {"url", f.url()}, {"tx_power", f.tx_power}}; }
Json shape(const EddystoneTlm& f) {
  return {{"format", "eddystone-tlm"},
          {"battery_mv", f.battery_mv},
          {"temperature_c", f.temperature ? Json(*f.temperature / 256.0) : Json(nullptr)},
          {"adv_count", f.adv_count},
          {"uptime_s", f.uptime_ds / 10.0}};
}
Json shape(const EddystoneEtlm&) { return {{"format", "eddystone-etlm"}}; }
Json shape(const EddystoneEid& f) {
  return {{"format", "eddystone-eid"}, {"eid", to_hex(f.eid)}, {"tx_power", f.tx_power}};
}

}  // namespace

std::string decode_json(ByteView data) {
  Json line{{"frames", Json::array()}};
  const auto malformed = for_each_frame(data, [&line](const Frame& frame) {
    line["frames"].push_back(std::visit([](const auto& f) { return shape(f); }, frame));
  });
  if (malformed) line["error"] = to_string(*malformed);
  return line.dump();
}

Result<std::string> decode_line(std::string_view hex) {
  std::string digits;
  std::copy_if(hex.begin(), hex.end(), std::back_inserter(digits),
               [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  const auto bytes = from_hex(digits);
  if (!bytes) return fail(Code::refuse, "not hex: pairs of 0-9 and a-f are wanted, one advert a line");
  return decode_json(*bytes);
}

}  // namespace foyer::beacon
