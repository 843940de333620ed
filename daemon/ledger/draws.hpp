#pragma once

#include "ledger/context.hpp"

namespace foyer::ledger {

/// The answer given to this nonce; nullopt: it is new.
std::optional<campaign::DrawAnswer> answered_before(Db& db, const campaign::DrawCommand& command);

/// One shake: the answer given before to the same nonce, or a new decision with its coupon, counts and events.
campaign::DrawAnswer draw(Context& context, const campaign::DrawCommand& command);

}  // namespace foyer::ledger
