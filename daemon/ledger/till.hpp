#pragma once

#include "ledger/context.hpp"

/// What a till does with a coupon.
namespace foyer::ledger {

campaign::TillAnswer redeem(Context& context, const campaign::TillRequest& request);
/// What redeem would answer; changes nothing.
campaign::TillAnswer check(Db& db, const Settings& settings, WallTime now, const campaign::TillRequest& request);
campaign::TillAnswer void_coupon(Context& context, const std::string& code, const std::string& why);

/// Issued coupons past their end become expired, at most `most` at a time; returns how many.
std::size_t expire_coupons(Context& context, std::size_t most);

}  // namespace foyer::ledger
