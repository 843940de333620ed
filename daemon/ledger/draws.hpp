#pragma once

#include "ledger/context.hpp"

namespace foyer::ledger {

/// One shake: the answer given before to the same nonce, or a new decision with its coupon, counts and events.
campaign::DrawAnswer draw(Context& context, const campaign::DrawCommand& command);

}  // namespace foyer::ledger
