#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/subjects.hpp"
#include "base/event.hpp"
#include "config/config.hpp"
#include "presence/presence.hpp"

namespace foyer::app {

/// What to say of a change depends on whose beacon it is and on privacy.mode (docs/privacy.md).
struct Telling {
  config::PrivacyMode mode = config::PrivacyMode::visit;
  const Subjects& subjects;
  const std::string* holder = nullptr;  ///< the subject it is lent to; null: to nobody
  std::string_view adapter;
};

/// "shopper", "lent", "staff" or "asset".
std::string_view kind_of(presence::Role role, bool lent);

/// Nothing where the mode keeps it to itself: such shoppers are only counted.
std::optional<Event> to_event(const presence::Change& change, const Telling& telling);

}  // namespace foyer::app
