#include "app/visits.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace foyer::app {

using campaign::Trigger;
using campaign::TriggerCommand;

TriggerCommand WifiVisits::happening(Trigger trigger, const GuestHere& guest) {
  TriggerCommand command;
  command.trigger = trigger;
  command.instance = fmt::format("{}|wifi|{}|{}", to_string(trigger), guest.session, guest.zone);
  command.shopper.subject = guest.subject;
  command.shopper.presence = guest.presence;
  command.shopper.zone = guest.zone;
  command.known_as = guest.known_as;
  return command;
}

std::vector<TriggerCommand> WifiVisits::step(const std::vector<GuestHere>& guests, MonoTime now) {
  std::vector<TriggerCommand> happened;
  std::set<std::string> sessions;
  for (const auto& guest : guests) {
    sessions.insert(guest.session);
    if (!guest.associated) continue;
    auto [at, fresh] = visits_.try_emplace({guest.session, guest.zone}, Visit{guest, now, now});
    auto& visit = at->second;
    if (fresh) visit.by_beacon = entered_by_beacon_.erase({guest.subject, guest.zone}) > 0;
    if (fresh ? !visit.by_beacon : guest.presence > visit.level) {
      happened.push_back(happening(Trigger::enter, guest));
      if (visit.dwelled) happened.push_back(happening(Trigger::dwell, guest));
    }
    if (now - visit.seen >= times_(guest.zone).exit_after) visit.entered = now;
    visit.level = std::max(visit.level, guest.presence);
    visit.guest = guest;
    visit.seen = now;
  }
  for (auto at = visits_.begin(); at != visits_.end();) {
    auto& [place, visit] = *at;
    const auto times = times_(visit.guest.zone);
    if (!visit.by_beacon && !visit.dwelled && visit.seen - visit.entered >= times.dwell) {
      visit.dwelled = true;
      happened.push_back(happening(Trigger::dwell, visit.guest));
    }
    const bool ended = !sessions.contains(place.first);
    if (!visit.by_beacon && !visit.over && (ended || now - visit.seen >= times.exit_after)) {
      visit.over = true;
      happened.push_back(happening(Trigger::exit, visit.guest));
    }
    at = ended ? visits_.erase(at) : std::next(at);
  }
  return happened;
}

void WifiVisits::take_over(std::vector<TriggerCommand>& lent) {
  std::erase_if(lent, [this](const TriggerCommand& command) {
    for (auto& [place, visit] : visits_) {
      if (visit.guest.subject != command.shopper.subject || visit.guest.zone != command.shopper.zone) continue;
      return !std::exchange(visit.by_beacon, true) && command.trigger == Trigger::enter;
    }
    // The Wi-Fi may come to show the same: it is told already.
    const std::pair place{command.shopper.subject, command.shopper.zone};
    if (command.trigger == Trigger::exit) entered_by_beacon_.erase(place);
    if (command.trigger == Trigger::enter && entered_by_beacon_.size() < kMostByBeacon)
      entered_by_beacon_.insert(place);
    return false;
  });
}

std::vector<TriggerCommand> lent_happenings(const std::vector<Event>& events, const std::string& run,
                                            const std::function<std::vector<GuestHere>()>& guests) {
  constexpr std::pair<std::string_view, Trigger> kTriggers[] = {
      {"presence.entered", Trigger::enter}, {"presence.dwelled", Trigger::dwell}, {"presence.left", Trigger::exit}};
  std::vector<TriggerCommand> happened;
  for (const auto& event : events) {
    const auto trigger = std::ranges::find(kTriggers, event.type, &std::pair<std::string_view, Trigger>::first);
    if (trigger == std::end(kTriggers)) continue;
    const auto data = nlohmann::json::parse(event.data, nullptr, false);
    if (!data.is_object() || data.value("kind", "") != "lent" || event.subject.empty()) continue;
    if (data.contains("suspect")) continue;  // it may be its copy that came
    TriggerCommand command;
    command.trigger = trigger->second;
    command.shopper.subject = event.subject;
    command.shopper.zone = data.value("zone", "");
    command.instance = fmt::format("{}|beacon|{}|{}|{}", to_string(trigger->second), run, data.value("visit", 0ull),
                                   command.shopper.zone);
    command.known_as = {event.subject};
    for (const auto& guest : guests()) {
      if (guest.subject != event.subject) continue;
      command.known_as = guest.known_as;
      // Level 4 is being on the Wi-Fi and heard; without the Wi-Fi there is what the way in proved.
      command.shopper.presence = guest.associated ? std::max(4, guest.presence) : guest.presence;
    }
    happened.push_back(std::move(command));
  }
  return happened;
}

}  // namespace foyer::app
