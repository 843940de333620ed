#include "app/services.hpp"

#include <spdlog/spdlog.h>

namespace foyer::app {

using namespace campaign;

Result<portal::Visitor> Services::who(const IpAddress& ip) {
  auto visitor = core_.ask(
      [this, ip] {
        auto found = guests_.who(ip);
        if (found) nearness_.raise(*found, guests_.signal(ip));
        return found;
      },
      settings_.core_deadline);
  if (!visitor) return visitor;
  const auto consented = ledger_.consented(visitor->subject, settings_.ledger_deadline);
  if (!consented) return fail(consented);
  visitor->consented = *consented == terms_hash_();
  return visitor;
}

Result<AdmitAnswer> Services::admit(const portal::AdmitOrder& order) {
  auto command = order.command;
  auto& session = command.session;
  session.id = random_hex(kernel_random, 16);
  session.subject = order.visitor.subject;
  session.device = order.visitor.device;
  session.pair = order.visitor.pair;
  session.since = clock_.wall();
  session.until = session.since + settings_.session_length;
  auto answer = ledger_.admit(command, settings_.ledger_deadline);
  if (!answer || answer->refused) return answer;
  // Recorded first, then opened: a crash in between leaves a session that is opened when the device shows itself.
  const auto opened =
      core_.ask([this, recorded = answer->session, ip = order.ip] { return guests_.open(recorded, ip); },
                settings_.core_deadline);
  if (!opened) return fail(opened);
  return answer;
}

Result<DrawAnswer> Services::draw(const DrawCommand& command) {
  return ledger_.draw(command, settings_.ledger_deadline);
}

Result<std::optional<Coupon>> Services::coupon(const std::string& id) {
  return ledger_.coupon(id, settings_.ledger_deadline);
}

Result<std::vector<Coupon>> Services::coupons_of(const std::string& subject) {
  return ledger_.coupons_of(subject, settings_.ledger_deadline);
}

Result<TillAnswer> Services::till_check(const TillRequest& request) {
  return ledger_.check(request, settings_.ledger_deadline);
}

Result<TillAnswer> Services::till_redeem(const TillRequest& request) {
  return ledger_.redeem(request, settings_.ledger_deadline);
}

Result<void> Services::consent(const std::string& subject, bool given, const std::string& terms_hash) {
  return ledger_.consent(subject, given, terms_hash, settings_.ledger_deadline);
}

Result<std::vector<Campaign>> Services::campaigns() { return ledger_.campaigns(settings_.ledger_deadline); }

void Services::failed(std::string_view where, const Error& error) { spdlog::error("{}: {}", where, error.message); }

Result<portal::LentBeacon> Services::lend_beacon(const std::string& subject) {
  const auto lease = core_.ask([this, subject] { return leases_.lend(subject); }, settings_.core_deadline);
  if (!lease) return fail(lease);
  return portal::LentBeacon{lease->id, lease->expires};
}

Result<void> Services::report_heard(const std::string& subject, const std::vector<BeaconId>& heard) {
  return core_.ask(
      [this, subject, heard]() -> Result<void> {
        nearness_.report(subject, heard);
        return {};
      },
      settings_.core_deadline);
}

Result<bool> Services::within_rate(const std::string& subject, const std::string& what, std::uint32_t limit) {
  return core_.ask([this, name = subject + "|" + what, limit] { return rates_.allow(name, limit, clock_.mono()); },
                   settings_.core_deadline);
}

}  // namespace foyer::app
