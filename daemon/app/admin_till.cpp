// Coupons, staff and people's data, as the operator asks for them.
#include <nlohmann/json.hpp>

#include "app/admin.hpp"
#include "app/patience.hpp"
#include "app/settings.hpp"
#include "base/password.hpp"

namespace foyer::app {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr auto kImport = 10'000ms;
constexpr std::size_t kPinDigits = 6;

std::string text(const json& object) { return object.dump(-1, ' ', false, json::error_handler_t::replace); }

json to_json(const campaign::Coupon& coupon) {
  json out{{"id", coupon.id},
           {"code", coupon.code},
           {"state", campaign::to_string(coupon.state)},
           {"campaign", coupon.campaign},
           {"prize", coupon.prize},
           {"subject", coupon.subject},
           {"uses_left", coupon.uses_left},
           {"uses", coupon.uses},
           {"redeem_at", coupon.redeem_at},
           {"issued_at", to_rfc3339(coupon.issued_at)},
           {"expires_at", to_rfc3339(coupon.expires_at)}};
  if (coupon.starts_at > WallTime{}) out["starts_at"] = to_rfc3339(coupon.starts_at);
  if (coupon.last_used) out["last_used"] = to_rfc3339(*coupon.last_used);
  if (coupon.state == campaign::CouponState::reserved) out["reserved_until"] = to_rfc3339(coupon.reserved_until);
  return out;
}

std::string random_pin() {
  std::string pin;
  for (std::size_t i = 0; i < kPinDigits; ++i) pin += static_cast<char>('0' + random_below(kernel_random, 10));
  return pin;
}

}  // namespace

/// By id, code, a code of the merchant's own list, or what the QR code says.
Result<campaign::Coupon> Admin::find_coupon(const std::string& typed) {
  std::string id = typed;
  if (campaign::looks_sealed(typed)) {
    const auto keys = core_.box.ask([this] { return core_.shop_keys(); }, kCore);
    if (!keys) return fail(keys);
    const auto seal = campaign::open_seal(typed, *keys);
    if (!seal) return fail(Code::refuse, "{}", campaign::to_string(seal.error()));
    id = seal->id;
  }
  auto by_id = ledger_.coupon(id, kLedger);
  if (!by_id) return fail(by_id);
  if (*by_id) return **std::move(by_id);
  auto by_code = ledger_.coupon_by_code(campaign::canonical_code(typed).value_or(typed), kLedger);
  if (!by_code) return fail(by_code);
  if (*by_code) return **std::move(by_code);
  auto by_own = ledger_.coupon_by_code(typed, kLedger);
  if (!by_own) return fail(by_own);
  if (*by_own) return **std::move(by_own);
  return fail(Code::refuse, "not_found");
}

Result<std::string> Admin::coupon_json(const std::string& typed) {
  const auto coupon = find_coupon(typed);
  if (!coupon) return fail(coupon);
  return text(to_json(*coupon));
}

Result<std::string> Admin::void_coupon(const std::string& typed, const std::string& reason,
                                       const campaign::Order& order) {
  const auto coupon = find_coupon(typed);
  if (!coupon) return fail(coupon);
  const auto done = ledger_.void_coupon(coupon->code, reason, order, kLedger);
  if (!done) return fail(done);
  if (done->refused) return fail(Code::refuse, "{}", campaign::to_string(*done->refused));
  return text(to_json(*done->coupon));
}

Result<std::string> Admin::redeem(const std::string& typed) {
  const auto coupon = find_coupon(typed);
  if (!coupon) return fail(coupon);
  campaign::TillRequest request;
  request.action = campaign::TillAction::redeem;
  request.code = coupon->code;
  request.terminal = "foyerctl";
  // The operator stands beside the shopper: what was bought is not asked.
  request.amount = coupon->benefit.min_spend;
  const auto done = ledger_.till(request, kLedger);
  if (!done) return fail(done);
  if (done->refused) return fail(Code::refuse, "{}", campaign::to_string(*done->refused));
  return text(to_json(*done->coupon));
}

Result<std::string> Admin::import_codes(const std::string& campaign, const std::string& prize,
                                        std::vector<std::string> codes, bool dry) {
  const auto done = ledger_.import_codes(campaign, prize, std::move(codes), dry, kImport);
  if (!done) return fail(done);
  if (!done->refused.empty()) return fail(Code::refuse, "{}", done->refused);
  json out{{"added", done->added}, {"known", done->known}, {"waiting", done->waiting}, {"faults", json::array()}};
  for (const auto& [at, what] : done->faults) out["faults"].push_back({{"at", at}, {"what", what}});
  return text(out);
}

Result<std::string> Admin::coupon_key_json() {
  const auto keys = core_.box.ask([this] { return core_.shop_keys(); }, kCore);
  if (!keys) return fail(keys);
  if (keys->empty()) return fail(Code::degrade, "there is no key");
  return text({{"store", keys->front().store}, {"key", to_hex(keys->front().key)}});
}

Result<std::string> Admin::staff_json() {
  const auto rows = ledger_.staff(kLedger);
  if (!rows) return fail(rows);
  auto out = json::array();
  for (const auto& row : *rows)
    out.push_back(
        {{"name", row.name},
         {"role", row.role},
         {"added", to_rfc3339(row.added)},
         {"failures", row.failures},
         {"locked_until", row.locked_until > clock_.wall() ? json(to_rfc3339(row.locked_until)) : json(nullptr)}});
  return text(out);
}

Result<std::string> Admin::add_staff(const std::string& name, const std::string& role, const std::string& pin) {
  const auto given = pin.empty() ? random_pin() : pin;
  if (auto added = ledger_.staff_add(name, role, hash_password(given, kernel_random), kLedger); !added)
    return fail(added);
  const auto out = core_.box.ask([this, name] { core_.staff.end_all_of(name); }, kCore);
  if (!out) return fail(out);
  json answer{{"name", name}, {"role", role}};
  if (pin.empty()) answer["pin"] = given;
  return text(answer);
}

Result<std::string> Admin::remove_staff(const std::string& name) {
  if (auto removed = ledger_.staff_remove(name, kLedger); !removed) return fail(removed);
  const auto out = core_.box.ask([this, name] { core_.staff.end_all_of(name); }, kCore);
  if (!out) return fail(out);
  return text({{"removed", name}});
}

Result<std::string> Admin::export_subject(const std::string& subject) { return ledger_.export_of({subject}, kLedger); }

Result<std::string> Admin::erase_subject(const std::string& subject) {
  if (auto erased = ledger_.erase_named(subject, kLedger); !erased) return fail(erased);
  const auto shut = core_.box.ask([this, subject] { return core_.guests.remove_named({subject}, "erased"); }, kCore);
  if (!shut) return fail(shut);
  return text({{"erased", subject}});
}

}  // namespace foyer::app
