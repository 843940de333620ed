#include <cmath>
#include <nlohmann/json.hpp>

#include "app/hearing.hpp"
#include "app/presence_events.hpp"

/// The radio and who is here, as the operator is shown them.
namespace foyer::app {

using nlohmann::json;

std::string Hearing::here_json() const {
  auto list = json::array();
  // Counting tells nothing of one shopper, not to the operator either.
  const auto hidden = [this](const presence::Here& here) {
    return privacy_ == config::PrivacyMode::counting && here.role != presence::Role::asset;
  };
  for (const auto& here : presence_.here()) {
    if (hidden(here)) continue;
    const auto* holds = holder(here.id);
    json one{{"identifier", to_string(here.id)},
             {"format", beacon::to_string(here.id.format)},
             {"kind", kind_of(here.role, holds != nullptr)},
             {"subject", holds != nullptr ? *holds : subjects_.beacon(here.id)},
             {"zone", here.zone},
             {"visit", here.visit},
             {"since_s", here.since.count() / 1000},
             {"dwelled", here.dwelled},
             {"suspect", here.suspect}};
    one["rssi"] = here.rssi == Advert::kNoRssi ? json(nullptr) : json(here.rssi);
    one["distance_m"] = here.distance_m ? json(std::round(*here.distance_m * 10) / 10) : json(nullptr);
    one["interval_ms"] = here.interval ? json(here.interval->count()) : json(nullptr);
    list.push_back(std::move(one));
  }
  return list.dump();
}

std::string Hearing::hours_json() const {
  auto list = json::array();
  for (const auto& hour : crowd_.past())
    list.push_back({{"zone", hour.zone},
                    {"from", to_rfc3339(hour.from)},
                    {"shoppers", hour.shoppers ? json(*hour.shoppers) : json(nullptr)},
                    {"k", crowd_.k()}});
  return list.dump();
}

std::string to_json(const ports::RadioStatus& status, const Hearing& hearing) {
  json out{{"up", status.up}, {"mode", status.mode}, {"source", status.source}, {"reason", status.reason}};
  out["rung"] = status.rung ? json(ports::kRungNames[static_cast<std::size_t>(*status.rung)]) : json(nullptr);
  for (std::size_t i = 0; i < ports::kRungs; ++i) out["rungs"][ports::kRungNames[i]] = status.rungs[i];
  out["deaf_s"] = std::chrono::duration<double>(status.deaf).count();
  out["coalesced"] = status.coalesced;
  out["dropped"] = status.dropped;
  const auto& figures = hearing.figures();
  out["adverts"] = {{"heard", figures.heard},
                    {"decoded", figures.decoded},
                    {"malformed", figures.malformed},
                    {"missing", hearing.presence().figures().missing},
                    {"unresolved", figures.unresolved}};
  out["adapters"] = json::array();
  for (const auto& adapter : status.adapters)
    out["adapters"].push_back({{"name", adapter.name},
                               {"address", adapter.address},
                               {"powered", adapter.powered},
                               {"scanning", adapter.scanning},
                               {"adverts", adapter.adverts},
                               {"rate", adapter.rate}});
  constexpr const char* kStates[]{"requested", "registered", "confirmed"};
  out["broadcasts"] = json::array();
  for (const auto& one : status.broadcasts)
    out["broadcasts"].push_back({{"identifier", to_string(one.broadcast.id)},
                                 {"adapter", one.broadcast.adapter},
                                 {"state", kStates[static_cast<int>(one.state)]},
                                 {"error", one.error}});
  return out.dump();
}

}  // namespace foyer::app
