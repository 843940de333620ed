// What the box listens on: bound before anything is served, and what stands behind it made anew after a reload.
#include "app/app_impl.hpp"

#include <spdlog/spdlog.h>

namespace foyer::app {

Result<void> App::Impl::listen() {
  constexpr std::size_t kGuestBody = 8 * 1024, kAdminBody = 64 * 1024;
  const auto bind = [](ports::HttpServer& server, const ports::HttpListen& listen) {
    return server.bind(listen).context("listen on " + listen.address);
  };
  if (auto bound = bind(*parts_.guest_http, {config_.portal.http, 192, 256, kGuestBody, "", ""}); !bound) return bound;
  if (parts_.guest_https) {
    const auto& https = *config_.portal.https;
    const ports::HttpListen order{https.listen, 192, 256, kGuestBody, https.certificate, https.key};
    if (auto bound = bind(*parts_.guest_https, order); !bound) return bound;
    tls_ = std::make_unique<TlsWatch>(https, *parts_.guest_https, order, parts_.clock, surroundings_.build_date,
                                      surroundings_.synchronised, [this] { make_portal(); });
  }
  if (auto bound = bind(*parts_.admin_http, {config_.admin.http, 24, 64, kAdminBody, "", ""}); !bound) return bound;
  if (auto bound = bind(*parts_.control, {"unix:" + config_.admin.socket, 24, 64, kAdminBody, "", ""}); !bound)
    return bound;
  if (!parts_.gate) return {};
  const auto policy = gate_policy(config_, guest_port(), https_port());
  parts_.gate->on_back([this] {
    spdlog::info("the gate is back");
    guests_->reconcile();
  });
  // Guests who are in stay in without foyer-gate; new ones wait. So a missing gate is not the end of the start.
  if (auto laid = parts_.gate->setup(policy); !laid)
    spdlog::error("the gate is not there yet: {}", laid.error().message);
  if (auto started = parts_.stations->start(*guests_); !started) return std::move(started).context("watch the Wi-Fi");
  const auto recorded = ledger_->sessions(kUnhurriedLedger);
  if (!recorded) return fail(recorded);
  guests_->reconcile(*recorded);
  return {};
}

/// As phones see it: without TLS while they would not accept the certificate.
config::Config App::Impl::seen_config() const {
  auto config = config_;
  if (tls_ && !tls_->usable()) config.portal.https.reset();
  return config;
}

/// The password is read again on reload; one that cannot be read leaves the one before.
void App::Impl::make_admin() {
  const auto password = admin_password(config_);
  if (!password) return spdlog::error("reload: admin.password_file is not taken: {}", password.error().message);
  admin_http_.store(std::make_shared<const portal::Admin>(*admin_services_, *password));
}

void App::Impl::make_portal() {
  if (!services_) return;  // not serving yet
  auto settings = portal_settings(seen_config(), secrets_, guest_port());
  if (config_.portal.https) settings.own_hosts.push_back(config_.portal.https->host);
  auto made =
      std::make_shared<const portal::Portal>(std::move(settings), secrets_.tokens, *services_, tally_, kernel_random);
  portal_.store(std::move(made));
}

Result<void> App::Impl::serve() {
  Services::Settings settings;
  settings.session_length = config_.wifi.session_length;
  const Services::Core core{parts_.core, *guests_,   rates_, guesses_,    pairings_,
                            *leases_,    *nearness_, staff_, offer_waits_};
  services_ = std::make_unique<Services>(
      settings, core, *ledger_, parts_.clock, refusals_, [this] { return portal_.load()->terms_hash(); },
      [this] { return portal_.load()->required_terms(); });
  make_portal();
  const auto handler = [this](const ports::HttpRequest& request) { return portal_.load()->handle(request); };
  if (auto serving = parts_.guest_http->serve(handler); !serving) return serving;
  if (parts_.guest_https)
    if (auto serving = parts_.guest_https->serve(handler); !serving) return serving;

  auto password = admin_password(config_);
  if (!password) return fail(password);
  admin_http_.store(std::make_shared<const portal::Admin>(*admin_services_, *password));
  admin_socket_ = std::make_unique<portal::Admin>(*admin_services_);  // guarded by the socket's mode
  if (auto serving =
          parts_.admin_http->serve([this](const ports::HttpRequest& r) { return admin_http_.load()->handle(r); });
      !serving)
    return serving;
  return parts_.control->serve([this](const ports::HttpRequest& r) { return admin_socket_->handle(r); });
}

Admin::Core App::Impl::admin_core() {
  return {parts_.core,
          *guests_,
          *hearing_,
          feed_,
          staff_,
          [this] { return snapshot(); },
          [this] { return parts_.radio->status(); },
          [this](const portal::TokenOrder& order) { return mint(order); },
          [this] { return rotate_tokens(); },
          [this] { return portal_settings(config_, secrets_, guest_port()).shop_keys; },
          [this] { return config_; },
          [this] { return portal_url(seen_config(), guest_port()); }};
}

Result<portal::MintedToken> App::Impl::mint(const portal::TokenOrder& order) {
  const auto now = parts_.clock.wall();
  // Its end is counted from now: minted by a clock that stands in the past it would be over when the clock is set.
  if (order.kind != portal::TokenKind::screen && now < surroundings_.build_date)
    return fail(Code::refuse, "clock_untrusted: the clock says {}, which is before this program was built",
                to_rfc3339(now));
  auto minted = portal::mint(order, secrets_.tokens, now, config_.portal.screen_rotation, kernel_random);
  if (auto noted = note_signed(folder(), secrets_, minted.expires); !noted) return fail(noted);
  return minted;
}

Result<portal::TokenKeys> App::Impl::rotate_tokens() {
  const auto now = parts_.clock.wall();
  // The screens' newest code and the passes of those who are in were signed without being noted.
  const auto least =
      now + std::max<std::chrono::seconds>(config_.wifi.session_length, 2 * config_.portal.screen_rotation);
  if (auto rotated = app::rotate_tokens(folder(), secrets_, least, kernel_random, now); !rotated) return fail(rotated);
  make_portal();
  spdlog::info("token key rotated: {} signs, {} earlier accepted", secrets_.tokens.current.id,
               secrets_.tokens.previous.size());
  return secrets_.tokens;
}

}  // namespace foyer::app
