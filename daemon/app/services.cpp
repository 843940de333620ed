#include "app/services.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

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

/// The level a device will have once it is in, and where it is near.
Result<void> Services::place(const portal::AdmitOrder& order, AdmitCommand& command) {
  GuestHere guest{"", order.visitor.subject, "", order.visitor.associated, order.visitor.associated ? 3 : 0, {}};
  auto raised = core_.ask(
      [this, guest, ip = order.ip]() mutable {
        guest.signal = guests_.signal(ip);
        nearness_.raise(guest);
        return guest;
      },
      settings_.core_deadline);
  if (!raised) return fail(raised);
  command.presence = raised->presence;
  command.near = std::move(raised->zone);
  return {};
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
  if (auto placed = place(order, command); !placed) return fail(placed);
  command.known_as = order.visitor.known_as;
  command.known_devices = order.visitor.known_devices;
  command.terms = required_terms_();
  if (order.latest) session.until = std::min(session.until, *order.latest);
  auto answer = ledger_.admit(command, settings_.ledger_deadline);
  if (answer && answer->refused) refusals_.count("admission", *answer->refused);
  if (!answer || answer->refused) return answer;
  for (const auto reason : answer->passed_over) refusals_.count("offer", reason);
  // Recorded first, then opened: a crash in between leaves a session that is opened when the device shows itself.
  const auto opened =
      core_.ask([this, recorded = answer->session, ip = order.ip] { return guests_.open(recorded, ip); },
                settings_.core_deadline);
  if (!opened) return fail(opened);
  return answer;
}

Result<std::optional<Session>> Services::carry(const std::string& session, const IpAddress& ip) {
  const auto here = core_.ask([this, ip] { return guests_.who(ip); }, settings_.core_deadline);
  if (!here) return fail(here);
  auto carried = ledger_.carry_session(session, here->pair, settings_.ledger_deadline);
  if (!carried || !*carried) return carried;
  const auto opened = core_.ask([this, session_there = **carried, ip] { return guests_.carry(session_there, ip); },
                                settings_.core_deadline);
  if (!opened) return fail(opened);
  return carried;
}

Result<std::optional<Bytes>> Services::token_body(const std::string& code) {
  return ledger_.typed(code, settings_.ledger_deadline);
}

Result<bool> Services::may_guess(const std::string& device) {
  return core_.ask([this, device] { return guesses_.may(device, clock_.mono()); }, settings_.core_deadline);
}

void Services::guessed(const std::string& device, bool right) {
  // A full core box forgets one guess; the limit by the minute still holds.
  [[maybe_unused]] const bool told =
      core_.try_post([this, device, right] { guesses_.tell(device, right, clock_.mono()); });
}

Result<portal::Pairing> Services::begin_pairing(const portal::Visitor& device, const IpAddress& ip, bool consent) {
  return core_.ask([this, name = device.device, ip,
                    consent] { return pairings_.begin(name, ip, consent, kernel_random, clock_.mono()); },
                   settings_.core_deadline);
}

Result<std::optional<portal::Pairing>> Services::pairing(const std::string& id) {
  return core_.ask([this, id] { return pairings_.find(id, clock_.mono()); }, settings_.core_deadline);
}

Result<tl::expected<std::optional<portal::Pairing>, Reason>> Services::confirm_pairing(const std::string& id,
                                                                                       const std::string& session) {
  return core_.ask([this, id, session] { return pairings_.confirm(id, session, clock_.mono()); },
                   settings_.core_deadline);
}

Result<void> Services::release_pairing(const std::string& id, const std::string& session) {
  return core_.ask(
      [this, id, session] {
        pairings_.release(id, session);
        return Result<void>{};
      },
      settings_.core_deadline);
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

/// A sale is of whoever has the code that is shown. While they are in, their other names are known and where they are.
Result<void> Services::name_holder(TillRequest& request) {
  const auto subject = ledger_.shown_by(request, settings_.ledger_deadline);
  if (!subject) return fail(subject);
  if (subject->empty()) return {};
  const auto has_it = [name = *subject](const GuestHere& guest) {
    return guest.subject == name || std::ranges::find(guest.known_as, name) != guest.known_as.end();
  };
  auto holder = core_.ask(
      [this, has_it]() -> std::optional<Holder> {
        auto here = guests_.here();
        const auto found = std::ranges::find_if(here, has_it);
        if (found == here.end()) return std::nullopt;
        nearness_.raise(*found);
        return Holder{found->subject, found->zone, found->known_as};
      },
      settings_.core_deadline);
  if (!holder) return fail(holder);
  request.holder = *std::move(holder);
  request.terms = required_terms_();
  return {};
}

Result<TillAnswer> Services::till(const TillRequest& asked) {
  auto request = asked;
  if (request.action == TillAction::sale)
    if (auto named = name_holder(request); !named) return fail(named);
  auto answer = ledger_.till(request, settings_.ledger_deadline);
  if (answer && answer->refused) refusals_.count("till", *answer->refused);
  if (answer)
    for (const auto reason : answer->passed_over) refusals_.count("offer", reason);
  return answer;
}

Result<portal::StaffEntry> Services::staff_enter(const IpAddress& ip, const std::string& name, const std::string& pin) {
  return door_.enter(ip, name, pin);
}

Result<std::optional<portal::StaffMember>> Services::staff_member(const IpAddress& ip, const std::string& token) {
  return door_.member(ip, token);
}

Result<void> Services::staff_leave(const std::string& token) { return door_.leave(token); }

Result<std::string> Services::member_code(const std::string& subject) { return ledger_.member_code(subject); }

namespace {

/// Every name this visitor has here, each once.
std::vector<std::string> names_of(const portal::Visitor& visitor) {
  auto names = visitor.known_as;
  if (std::find(names.begin(), names.end(), visitor.subject) == names.end()) names.push_back(visitor.subject);
  return names;
}

}  // namespace

Result<void> Services::consent(const portal::Visitor& visitor, bool given, const std::string& terms_hash) {
  return given ? ledger_.give_consent(visitor.subject, terms_hash, settings_.ledger_deadline)
               : ledger_.withdraw_consent(names_of(visitor), settings_.ledger_deadline);
}

Result<void> Services::erase(const portal::Visitor& visitor) {
  const auto names = names_of(visitor);
  // Erased first: a cut in between leaves a session that is open and not recorded, which the next start shuts.
  if (auto erased = ledger_.erase(names, settings_.ledger_deadline); !erased) return erased;
  const auto shut = core_.ask([this, names] { return guests_.remove_named(names, "erased"); }, settings_.core_deadline);
  if (!shut) return fail(shut);
  return {};
}

Result<std::string> Services::export_json(const portal::Visitor& visitor) {
  return ledger_.export_of(names_of(visitor), settings_.ledger_deadline);
}

Result<std::optional<Campaign>> Services::campaign(const std::string& id) {
  return ledger_.campaign(id, settings_.ledger_deadline);
}

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
