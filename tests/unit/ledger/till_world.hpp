#pragma once

#include "world.hpp"

namespace foyer::ledger {

using campaign::CouponState;
using campaign::Reason;
using campaign::TillAction;
using campaign::TillRequest;

/// A till that asks the ledger.
class Till : public World {
 protected:
  TillRequest request(const std::string& code, const std::string& key = "") {
    TillRequest request;
    request.code = code;
    request.store = "store-001";
    request.terminal = "t1";
    request.operator_ = "mei";
    request.check_no = "42";
    request.idempotency_key = key;
    return request;
  }
  campaign::TillAnswer ask(TillAction action, TillRequest request) {
    request.action = action;
    auto answer = ledger_->till(request, kDeadline);
    EXPECT_TRUE(answer.has_value()) << answer.error().message;
    return answer.value();
  }
  campaign::TillAnswer redeem(const TillRequest& request) { return ask(TillAction::redeem, request); }
  campaign::TillAnswer check(const TillRequest& request) { return ask(TillAction::check, request); }
};

}  // namespace foyer::ledger
