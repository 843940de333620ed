#pragma once

#include "ledger/context.hpp"

/// What the short codes below QR codes stand for: the token without its signature, which the key must make anew.
namespace foyer::ledger {

/// Codes kept at once; past it the one that ends first goes.
inline constexpr std::int64_t kMostTyped = 100'000;

/// Code::refuse: another token has that code (one chance in 10 million with all of them kept): mint again.
Result<void> keep_typed(Context& context, const std::string& code, const Bytes& body, WallTime expires);
std::optional<Bytes> typed(Db& db, const std::string& code, WallTime now);
/// Takes away what is over, at most `rows`.
void forget_typed(Context& context, std::size_t rows);

}  // namespace foyer::ledger
