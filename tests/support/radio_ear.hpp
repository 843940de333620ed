#pragma once

#include <functional>
#include <vector>

#include "ports/radio.hpp"

namespace foyer::test {

/// Takes down what a Radio reports.
struct RadioEar final : ports::RadioEvents {
  void on_advert(const Advert& advert) override {
    adverts.push_back(advert);
    if (then) then();
  }
  void on_radio_changed(const ports::RadioStatus& status) override { changes.push_back(status); }

  bool up() const { return !changes.empty() && changes.back().up; }

  std::vector<Advert> adverts;
  std::vector<ports::RadioStatus> changes;
  std::function<void()> then;  ///< called in on_advert
};

}  // namespace foyer::test
