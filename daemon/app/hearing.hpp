#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/crowd.hpp"
#include "app/leases.hpp"
#include "app/subjects.hpp"
#include "base/event.hpp"
#include "beacon/eid.hpp"
#include "beacon/frame.hpp"
#include "config/config.hpp"
#include "ports/clock.hpp"
#include "ports/radio.hpp"
#include "presence/presence.hpp"

namespace foyer::app {

presence::Settings presence_settings(const config::Config& config);
/// Of every beacon in the configuration that sends ephemeral identifiers.
std::vector<beacon::EidKey> eid_keys(const config::Config& config);

/// From the air to events: advert → frame → sighting → change → event. Presence stands still while the radio is down,
/// so that a deaf radio never ends a visit. Under the uuid of lent identifiers only those that are lent count, and an
/// EID only where one of our keys made it. Core thread.
class Hearing final : public ports::RadioEvents {
 public:
  using Record = std::function<void(std::vector<Event>)>;

  /// `leases` must outlive it.
  Hearing(const config::Config& config, const ports::Clock& clock, const Subjects& subjects, const Leases& leases,
          Random random, Record record);

  void on_advert(const Advert& advert) override;
  void on_radio_changed(const ports::RadioStatus& status) override;

  /// Moves the timers; call every second.
  void tick();
  /// Ours on the air: recognised by identifier and left out of presence.
  void set_own(std::vector<BeaconId> own) { own_ = std::move(own); }
  /// Other zones, after a reload.
  void reconfigure(const config::Config& config);
  void use(const Subjects& subjects) { subjects_ = subjects; }

  struct Figures {
    std::uint64_t heard = 0, decoded = 0, malformed = 0;
    std::uint64_t unresolved = 0;  ///< EIDs that no key of ours made
    std::uint64_t not_lent = 0;    ///< of the uuid of lent identifiers, but nobody's now
  };
  const Figures& figures() const { return figures_; }
  const presence::Presence& presence() const { return presence_; }
  const ports::RadioStatus& radio() const { return status_; }
  const Crowd& crowd() const { return crowd_; }
  const beacon::EidResolver& resolver() const { return resolver_; }
  std::string here_json() const;   ///< who is here, for `foyerctl presence`
  std::string hours_json() const;  ///< how many were, by hour

 private:
  void hear(const beacon::Frame& frame, const Advert& advert);
  void flush();
  void count_hours();
  void tell_down();
  bool is_lent_kind(const beacon::Identifier& id) const;
  const std::string* holder(const beacon::Identifier& id) const;  // of a lent one, also just after its lease
  double deaf_seconds(MonoTime now) const;

  const ports::Clock& clock_;
  Subjects subjects_;
  const Leases& leases_;
  Record record_;
  config::PrivacyMode privacy_;
  beacon::EidResolver resolver_;
  Crowd crowd_;
  std::vector<BeaconId> own_;
  presence::Presence presence_;
  ports::RadioStatus status_;
  Figures figures_;
  std::vector<presence::Change> changes_;       // reused, so that an advert in the steady state allocates nothing
  bool told_down_ = false, told_last_ = false;  // of a trouble: that it began, that all was tried
  std::chrono::milliseconds deaf_before_{0};    // the radio's account of deaf time when it last heard
  MonoTime down_since_;                         // since when the radio is not up
};

/// The radio, and what became of what it heard.
std::string to_json(const ports::RadioStatus& status, const Hearing& hearing);

}  // namespace foyer::app
