#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/subjects.hpp"
#include "base/event.hpp"
#include "config/config.hpp"
#include "ports/clock.hpp"
#include "ports/radio.hpp"
#include "presence/presence.hpp"

namespace foyer::app {

presence::Settings presence_settings(const config::Config& config);

/// From the air to events: advert → frame → sighting → change → event. Presence stands still while the radio is down,
/// so that a deaf radio never ends a visit. Core thread.
class Hearing final : public ports::RadioEvents {
 public:
  using Record = std::function<void(std::vector<Event>)>;

  Hearing(const config::Config& config, const ports::Clock& clock, const Subjects& subjects, Record record);

  void on_advert(const Advert& advert) override;
  void on_radio_changed(const ports::RadioStatus& status) override;

  /// Moves the timers; call every second.
  void tick();
  /// Ours on the air: recognised by identifier and left out of presence.
  void set_own(const std::vector<ports::Broadcast>& broadcasts);
  /// Other zones, after a reload.
  void reconfigure(const config::Config& config);
  void use(const Subjects& subjects) { subjects_ = subjects; }

  struct Figures {
    std::uint64_t heard = 0, decoded = 0, malformed = 0;
  };
  const Figures& figures() const { return figures_; }
  const presence::Presence& presence() const { return presence_; }
  const ports::RadioStatus& radio() const { return status_; }
  std::string here_json() const;  ///< who is here, for `foyerctl presence`

 private:
  void flush();
  void tell_down();
  double deaf_seconds(MonoTime now) const;
  Event to_event(const presence::Change& change) const;

  const ports::Clock& clock_;
  Subjects subjects_;
  Record record_;
  presence::Presence presence_;
  ports::RadioStatus status_;
  Figures figures_;
  std::vector<presence::Change> changes_;       // reused, so that an advert in the steady state allocates nothing
  bool told_down_ = false, told_last_ = false;  // of a trouble: that it began, that all was tried
  std::chrono::milliseconds deaf_before_{0};    // the radio's account of deaf time when it last heard
  MonoTime down_since_;                         // since when the radio is not up
};

std::string to_json(const ports::RadioStatus& status);

}  // namespace foyer::app
