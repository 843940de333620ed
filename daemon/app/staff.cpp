#include "app/staff.hpp"

#include "app/patience.hpp"
#include "base/password.hpp"

namespace foyer::app {

using namespace std::chrono_literals;

namespace {

std::string name_of(const std::string& token) { return to_hex(sha256(as_bytes(token))); }

}  // namespace

void StaffSessions::add(const std::string& token, const portal::StaffMember& who, const IpAddress& ip, MonoTime now) {
  if (by_token_.size() >= kMost) {
    auto oldest = by_token_.begin();
    for (auto it = by_token_.begin(); it != by_token_.end(); ++it)
      if (it->second.began < oldest->second.began) oldest = it;
    by_token_.erase(oldest);
  }
  by_token_[name_of(token)] = {who, ip, now};
}

std::optional<portal::StaffMember> StaffSessions::find(const std::string& token, const IpAddress& ip, MonoTime now) {
  const auto found = by_token_.find(name_of(token));
  if (found == by_token_.end() || found->second.ip != ip) return std::nullopt;
  if (now - found->second.began < kLife) return found->second.who;
  by_token_.erase(found);
  return std::nullopt;
}

void StaffSessions::end(const std::string& token) { by_token_.erase(name_of(token)); }

void StaffSessions::end_all_of(const std::string& name) {
  std::erase_if(by_token_, [&](const auto& entry) { return entry.second.who.name == name; });
}

Result<portal::StaffEntry> StaffDoor::enter(const IpAddress& ip, const std::string& name, const std::string& pin) {
  if (!judging_.try_acquire()) return fail(Code::retry, "too many PINs are being judged");
  struct Release {
    std::counting_semaphore<kAtOnce>& of;
    ~Release() { of.release(); }
  } const release{judging_};

  const auto knock = ledger_.staff_knock(name, kLedger);
  if (!knock) return fail(knock);
  if (*knock && (*knock)->wait.count() > 0) return portal::StaffEntry{"", (*knock)->wait};
  // Nobody of that name costs as much time as somebody: names are not to be found out by the clock.
  static const std::string kNobody = hash_password("", kernel_random);
  const bool good = is_password(pin, *knock ? (*knock)->pin : kNobody) && *knock;
  if (!good) return portal::StaffEntry{};
  if (auto entered = ledger_.staff_entered(name, kLedger); !entered) return fail(entered);
  const auto token = random_hex(kernel_random, 16);
  const portal::StaffMember who{name, (*knock)->manager};
  const auto added = core_.ask([this, token, who, ip] { sessions_.add(token, who, ip, clock_.mono()); }, kCore);
  if (!added) return fail(added);
  return portal::StaffEntry{token, 0s};
}

Result<std::optional<portal::StaffMember>> StaffDoor::member(const IpAddress& ip, const std::string& token) {
  return core_.ask([this, token, ip] { return sessions_.find(token, ip, clock_.mono()); }, kCore);
}

Result<void> StaffDoor::leave(const std::string& token) {
  return core_.ask([this, token] { sessions_.end(token); }, kCore);
}

}  // namespace foyer::app
