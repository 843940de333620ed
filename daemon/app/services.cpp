#include "app/services.hpp"

#include <spdlog/spdlog.h>

namespace foyer::app {

using namespace campaign;

Result<portal::Visitor> Services::who(const IpAddress& ip) {
  auto visitor = core_.ask([this, ip] { return guests_.who(ip); }, settings_.core_deadline);
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
  command.presence = order.visitor.associated ? 3 : 0;
  command.known_as = order.visitor.known_as;
  command.terms = required_terms_();
  auto answer = ledger_.admit(command, settings_.ledger_deadline);
  if (answer && answer->refused) refusals_.count("admission", *answer->refused);
  if (!answer || answer->refused) return answer;
  // Recorded first, then opened: a crash in between leaves a session that is opened when the device shows itself.
  const auto opened =
      core_.ask([this, recorded = answer->session, ip = order.ip] { return guests_.open(recorded, ip); },
                settings_.core_deadline);
  if (!opened) return fail(opened);
  return answer;
}

Result<DrawAnswer> Services::draw(const DrawCommand& command) {
  auto answer = ledger_.draw(command, settings_.ledger_deadline);
  if (answer && answer->reason) refusals_.count("draw", *answer->reason);
  return answer;
}

Result<std::vector<Offer>> Services::offers(const std::vector<std::string>& names, std::uint64_t after, bool wait) {
  auto found = ledger_.offers(names, after, settings_.ledger_deadline);
  if (!found || !found->empty() || !wait) return found;
  const auto box = core_.ask([this, names] { return waits_.add(names); }, settings_.core_deadline);
  if (!box) return fail(box);
  if (!*box) return found;  // too many wait
  // One may have come before anybody could be told.
  found = ledger_.offers(names, after, settings_.ledger_deadline);
  if (!found || !found->empty()) return found;
  (*box)->wait_and_drain(settings_.offers_held);
  return ledger_.offers(names, after, settings_.ledger_deadline);
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
  auto answer = ledger_.redeem(request, settings_.ledger_deadline);
  if (answer && answer->refused) refusals_.count("till", *answer->refused);
  return answer;
}

Result<void> Services::consent(const std::string& subject, bool given, const std::string& terms_hash) {
  return ledger_.consent(subject, given, terms_hash, settings_.ledger_deadline);
}

Result<std::vector<Campaign>> Services::campaigns() { return ledger_.campaigns(settings_.ledger_deadline); }

void Services::failed(std::string_view where, const Error& error) { spdlog::error("{}: {}", where, error.message); }

Result<bool> Services::within_rate(const std::string& subject, const std::string& what, std::uint32_t limit) {
  return core_.ask([this, name = subject + "|" + what, limit] { return rates_.allow(name, limit, clock_.mono()); },
                   settings_.core_deadline);
}

}  // namespace foyer::app
