#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "campaign/coupon_seal.hpp"
#include "campaign/model.hpp"
#include "campaign/zone_time.hpp"
#include "portal/printing.hpp"
#include "portal/services.hpp"
#include "portal/tally.hpp"
#include "portal/token.hpp"
#include "ports/http_server.hpp"

namespace foyer::portal {

/// A zone a token or a screen may name.
struct ZoneName {
  std::string id;
  campaign::Text name;
};

struct PosKey {
  std::string name;
  Digest sha256;
};

/// The part of the configuration that decides what guests see. A value; a reload makes a new Portal.
struct Settings {
  std::string gateway, store;
  std::vector<std::string> languages;  ///< the first is the default
  campaign::Text brand;
  std::string accent = "#07c160";
  std::shared_ptr<const Logo> logo;    ///< null: none
  std::vector<std::string> own_hosts;  ///< lower case, without port: every other Host is foreign
  bool own_loopback = false;           ///< simulated gate: 127.0.0.0/8 and localhost are ours too
  std::string redirect;                ///< "http://10.77.0.1/": where foreign requests are sent
  bool https = false;                  ///< a certificate is loaded that phones will accept
  bool consent_required = true;
  campaign::Text terms;
  std::chrono::seconds session_length{7200};
  std::uint32_t per_device_per_day = 4;
  std::chrono::seconds screen_rotation{30};
  std::uint32_t draws_per_minute = 6, redeems_per_minute = 5;
  std::vector<PosKey> pos_keys;
  SignatureSeed coupon_seed{};               ///< signs coupons' QR codes
  std::vector<campaign::ShopKey> shop_keys;  ///< whose coupons are genuine: ours, and those of the chain's other shops
  std::vector<ZoneName> zones;
  std::optional<campaign::ZoneTime> timezone;  ///< for times on pages; absent: UTC
};

/// HTTP meaning of the guests' side: request in, response out, no sockets, no state of its own (docs/openapi.yaml).
/// handle() may be called on many threads at once.
class Portal {
 public:
  /// `services` and `tally` must outlive it.
  Portal(Settings settings, TokenKeys keys, Services& services, Tally& tally, Random random);
  ~Portal();
  ports::HttpResponse handle(const ports::HttpRequest& request) const;
  /// Of the terms in force: changes with any word of them.
  const std::string& terms_hash() const;
  /// The same where consent is required, else empty.
  std::string required_terms() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace foyer::portal
