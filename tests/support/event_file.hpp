#pragma once

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/event.hpp"

namespace foyer::test {

/// With FOYER_EVENTS=FILE in the environment an event that foyer's own code wrote is appended there, a JSON object a
/// line: tests/asyncapi/events_test.py judges them.
inline void keep_event(const Event& event) {
  const char* path = std::getenv("FOYER_EVENTS");
  if (path == nullptr) return;
  const nlohmann::json line{{"stream", to_string(event.stream)},
                            {"type", event.type},
                            {"subject", event.subject},
                            {"data", nlohmann::json::parse(event.data)}};
  std::ofstream(path, std::ios::app) << line.dump() << "\n";
}

}  // namespace foyer::test
