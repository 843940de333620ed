#pragma once

#include <optional>
#include <string>

#include "app/app.hpp"
#include "app/guests.hpp"
#include "app/secrets.hpp"
#include "app/visits.hpp"
#include "base/event.hpp"
#include "config/config.hpp"
#include "ledger/ledger.hpp"
#include "portal/portal.hpp"
#include "ports/gate.hpp"
#include "sync/uplink.hpp"

/// From the one configuration to what each room wants of it. Pure, but for the secret files that are named in it.
namespace foyer::app {

/// Of a zone of foyer.yaml; the usual ones where it is not named there.
ZoneTimes zone_times(const config::Config& config, const std::string& zone);

ledger::Settings ledger_settings(const config::Config& config, const Secrets& secrets, const Surroundings& surroundings,
                                 const ports::Clock& clock);
Guests::Limits guest_limits(const config::Config& config);
ports::GatePolicy gate_policy(const config::Config& config, std::uint16_t http_port, std::uint16_t https_port);
portal::Settings portal_settings(const config::Config& config, const Secrets& secrets, std::uint16_t http_port);
SignatureSeed coupon_seed(const Secrets& secrets);
sync::Settings uplink_settings(const config::Config& config, const ledger::Ledger& ledger,
                               const Surroundings& surroundings, const ports::Clock& clock);

/// What stands before /q/{token}: https://host, or http:// and the box's address; with the simulated gate loopback and
/// the port that was bound.
std::string portal_url(const config::Config& config, std::uint16_t http_port);

/// The picture of brand.logo; null: none, or not one that pages can show (config has said so).
std::shared_ptr<const portal::Logo> logo_of(const config::Config& config);

/// The SHA-256 of admin.password_file, or nothing where there is none.
Result<std::optional<Digest>> admin_password(const config::Config& config);

/// One event as server-sent events text: id, event and data (the CloudEvent).
std::string sse_text(const StoredEvent& event, const config::Config& config, const std::string& epoch);

}  // namespace foyer::app
