#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "app/offer_waits.hpp"
#include "app/refusals.hpp"
#include "app/statistics.hpp"
#include "app/visits.hpp"

namespace foyer::app {
namespace {

using namespace std::chrono_literals;
using campaign::Cell;
using campaign::Span;
using campaign::Stage;
using campaign::Trigger;
using nlohmann::json;

GuestHere guest(const std::string& session, bool associated = true) {
  return {session, "subject-" + session, "entrance", associated, 3, {"subject-" + session}};
}

class Visits : public testing::Test {
 protected:
  std::vector<std::string> at(std::chrono::seconds time, const std::vector<GuestHere>& guests) {
    std::vector<std::string> what;
    for (const auto& one : visits.step(guests, MonoTime{time})) what.push_back(one.instance);
    return what;
  }
  WifiVisits visits{[](const std::string&) { return ZoneTimes{30s, 45s}; }};
};

TEST_F(Visits, EnterDwellAndExitOnceASession) {
  EXPECT_EQ(at(0s, {guest("a")}), std::vector<std::string>{"enter|wifi|a|entrance"});
  EXPECT_TRUE(at(29s, {guest("a")}).empty());
  EXPECT_EQ(at(30s, {guest("a")}), std::vector<std::string>{"dwell|wifi|a|entrance"});
  EXPECT_TRUE(at(74s, {guest("a", false)}).empty());
  EXPECT_EQ(at(75s, {guest("a", false)}), std::vector<std::string>{"exit|wifi|a|entrance"});
  EXPECT_TRUE(at(80s, {guest("a")}).empty()) << "a phone that wakes does not enter again";
  EXPECT_TRUE(at(500s, {guest("a", false)}).empty());
  EXPECT_TRUE(at(501s, {}).empty());
  EXPECT_EQ(visits.size(), 0u);
}

TEST_F(Visits, ASleepingPhoneDoesNotFlap) {
  at(0s, {guest("a")});
  for (int i = 1; i < 100; ++i) {
    const auto what = at(std::chrono::seconds(i), {guest("a", i % 40 != 39)});
    EXPECT_EQ(what.size(), i == 30 ? 1u : 0u) << i;
  }
}

// It was told on coming back, as if the time away had been a stay.
TEST_F(Visits, AnAbsenceIsNoStay) {
  at(0s, {guest("a")});
  at(5s, {guest("a")});
  EXPECT_EQ(at(50s, {guest("a", false)}), std::vector<std::string>{"exit|wifi|a|entrance"});
  EXPECT_TRUE(at(600s, {guest("a")}).empty());
  EXPECT_TRUE(at(629s, {guest("a")}).empty());
  EXPECT_EQ(at(630s, {guest("a")}), std::vector<std::string>{"dwell|wifi|a|entrance"});
}

TEST_F(Visits, AtTheBorderOfTwoZonesOneIsInBoth) {
  auto near = guest("a");
  near.zone = "till";
  at(0s, {guest("a")});
  EXPECT_EQ(at(1s, {near}), std::vector<std::string>{"enter|wifi|a|till"});
  for (int i = 2; i < 30; ++i) EXPECT_TRUE(at(std::chrono::seconds(i), {i % 2 == 0 ? guest("a") : near}).empty()) << i;
  EXPECT_EQ(at(30s, {guest("a")}), std::vector<std::string>{"dwell|wifi|a|entrance"});
  EXPECT_EQ(at(31s, {near}), std::vector<std::string>{"dwell|wifi|a|till"});
  EXPECT_EQ(at(75s, {near}), std::vector<std::string>{"exit|wifi|a|entrance"});
  EXPECT_EQ(at(76s, {}), std::vector<std::string>{"exit|wifi|a|till"});
  EXPECT_EQ(visits.size(), 0u);
}

TEST_F(Visits, WhatIsProvedLaterIsToldOnceMore) {
  at(0s, {guest("a")});
  auto near = guest("a");
  near.presence = 4;
  const auto told = visits.step({near}, MonoTime{1s});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].instance, "enter|wifi|a|entrance") << "the same happening: who has won wins nothing more";
  EXPECT_EQ(told[0].shopper.presence, 4);
  EXPECT_TRUE(at(2s, {guest("a")}).empty());
  EXPECT_TRUE(visits.step({near}, MonoTime{3s}).empty());
}

TEST_F(Visits, TheEndOfASessionIsAnExit) {
  at(0s, {guest("a"), guest("b")});
  EXPECT_EQ(at(5s, {guest("b")}), std::vector<std::string>{"exit|wifi|a|entrance"});
  EXPECT_EQ(visits.size(), 1u);
}

TEST_F(Visits, CarryWhatTheHouseAttests) {
  const auto happened = visits.step({guest("a")}, MonoTime{});
  ASSERT_EQ(happened.size(), 1u);
  EXPECT_EQ(happened[0].trigger, Trigger::enter);
  EXPECT_EQ(happened[0].shopper.subject, "subject-a");
  EXPECT_EQ(happened[0].shopper.presence, 3);
  EXPECT_EQ(happened[0].shopper.zone, "entrance");
  EXPECT_TRUE(visits.step({guest("a"), guest("z", false)}, MonoTime{1s}).empty()) << "not on the Wi-Fi";
}

Event entered(const std::string& kind, const std::string& subject, int visit = 7,
              const char* type = "presence.entered") {
  return {Stream::presence, type, subject, json{{"zone", "entrance"}, {"visit", visit}, {"kind", kind}}.dump()};
}

std::vector<GuestHere> a_is_here() { return {guest("a")}; }

TEST_F(Visits, ALentBeaconSpeaksForItsHolder) {
  const auto what = lent_happenings({entered("lent", "subject-a"),
                                     entered("shopper", "x"),
                                     entered("asset", "y"),
                                     entered("lent", "subject-z", 8, "presence.left"),
                                     {Stream::presence, "beacon.seen", "", "{}"}},
                                    "boot/1", a_is_here);
  ASSERT_EQ(what.size(), 2u);
  EXPECT_EQ(what[0].instance, "enter|beacon|boot/1|7|entrance");
  EXPECT_EQ(what[0].shopper.presence, 4);
  EXPECT_EQ(what[0].known_as, std::vector<std::string>{"subject-a"});
  EXPECT_EQ(what[1].trigger, Trigger::exit);
  EXPECT_EQ(what[1].shopper.presence, 0) << "not on the Wi-Fi";
}

TEST_F(Visits, ACopiedLentBeaconBringsNoCampaignAbout) {
  auto copied = entered("lent", "subject-a");
  auto data = json::parse(copied.data);
  data["suspect"] = "copies";
  copied.data = data.dump();
  EXPECT_TRUE(lent_happenings({copied}, "run", a_is_here).empty());
}

TEST_F(Visits, OneVisitIsToldOnceByWhicheverWitness) {
  at(0s, {guest("a")});
  auto lent = lent_happenings({entered("lent", "subject-a")}, "run", a_is_here);
  visits.take_over(lent);
  EXPECT_TRUE(lent.empty()) << "the Wi-Fi told it";
  EXPECT_TRUE(at(40s, {guest("a")}).empty()) << "the beacon says when it dwells";
  lent = lent_happenings({entered("lent", "subject-a", 7, "presence.dwelled")}, "run", a_is_here);
  visits.take_over(lent);
  EXPECT_EQ(lent.size(), 1u);
  lent = lent_happenings({entered("lent", "subject-a", 9)}, "run", a_is_here);
  visits.take_over(lent);
  EXPECT_EQ(lent.size(), 1u) << "it left and entered again";
  EXPECT_TRUE(at(500s, {}).empty());
}

TEST_F(Visits, WhatTheBeaconToldFirstTheWifiDoesNotTellAgain) {
  auto lent = lent_happenings({entered("lent", "subject-a")}, "run", a_is_here);
  visits.take_over(lent);
  EXPECT_EQ(lent.size(), 1u);
  EXPECT_TRUE(at(0s, {guest("a")}).empty());
  EXPECT_TRUE(at(40s, {guest("a")}).empty());
  lent = lent_happenings({entered("lent", "subject-b")}, "run", a_is_here);
  visits.take_over(lent);
  lent = lent_happenings({entered("lent", "subject-b", 7, "presence.left")}, "run", a_is_here);
  visits.take_over(lent);
  EXPECT_EQ(at(41s, {guest("b")}), std::vector<std::string>{"enter|wifi|b|entrance"}) << "it left meanwhile";
}

TEST(OfferWaits, WakeTheirOwnAndAreFew) {
  OfferWaits waits;
  const auto box = waits.add({"alice", "alice-old"});
  ASSERT_TRUE(box);
  waits.wake("bob");
  EXPECT_EQ(box->depth(), 0u);
  waits.wake("alice-old");
  waits.wake("alice");
  EXPECT_EQ(box->wait_and_drain(10s), 1u);
  std::vector<std::shared_ptr<Mailbox>> held;
  while (const auto one = waits.add({"x"})) held.push_back(one);
  EXPECT_EQ(held.size() + 1, OfferWaits::kMost);
  held.pop_back();
  EXPECT_TRUE(waits.add({"x"})) << "a place came free";
}

TEST(OfferWaits, ClosingAnswersEverybodyAtOnce) {
  OfferWaits waits;
  const auto box = waits.add({"alice"});
  std::thread waiter([&] { EXPECT_EQ(box->wait_and_drain(60s), 0u); });
  waits.close();
  waiter.join();
  EXPECT_FALSE(waits.add({"alice"}));
}

TEST(Refusals, AreCountedByReason) {
  Refusals refusals;
  refusals.count("draw", campaign::Reason::holdout);
  refusals.count("draw", campaign::Reason::holdout);
  refusals.count("offer", campaign::Reason::outside_hours);
  refusals.count("nonsense", campaign::Reason::paused);
  const auto all = refusals.all();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], (std::tuple<std::string, std::string, std::uint64_t>{"draw", "holdout", 2}));
  EXPECT_EQ(all[1], (std::tuple<std::string, std::string, std::uint64_t>{"offer", "outside_hours", 1}));
}

TEST(Statistics, AreSuppressedBelowKByZoneAndInSum) {
  ledger::Ledger::Statistics statistics;
  const auto day = [&](const char* campaign, const char* zone, Stage stage, std::uint64_t people) {
    statistics.cells.push_back({Span::day, 20'000, campaign, zone, stage, people * 2, people});
  };
  day("", "entrance", Stage::present, 100);
  day("lunch", "entrance", Stage::shook, 50);
  day("lunch", "garden", Stage::shook, 3);
  day("lunch", "till", Stage::shook, 20);
  day("lunch", "entrance", Stage::won, 4);
  statistics.cells.push_back({Span::hour, 490'000, "lunch", "entrance", Stage::shook, 9, 12});
  statistics.cells.push_back({Span::hour, 490'001, "lunch", "entrance", Stage::shook, 9, 9});
  statistics.arms.push_back({"lunch", {100, 40, 20}, {50, 10, 5}});
  const auto zone = campaign::ZoneTime::load("Asia/Shanghai").value();
  const auto out = json::parse(statistics_json(statistics, 7, 10, zone));
  EXPECT_EQ(out["present"]["present"], json({{"people", 100}, {"times", 200}}));
  const auto& lunch = out["campaigns"][0];
  EXPECT_EQ(lunch["campaign"], "lunch");
  EXPECT_EQ(lunch["shook"]["people"], 73);
  EXPECT_EQ(lunch["won"], json({{"people", nullptr}, {"times", nullptr}}));
  EXPECT_EQ(lunch["redeemed"]["people"], 0);
  std::map<std::string, json> zones;
  for (const auto& one : lunch["zones"]) zones[one["zone"].get<std::string>()] = one["shook"]["people"];
  EXPECT_EQ(zones["entrance"], 50);
  EXPECT_EQ(zones["garden"], nullptr);
  EXPECT_EQ(zones["till"], nullptr) << "else the three could be worked out";
  EXPECT_EQ(out["hours"][0], json({{"hour", "2025-11-25T00:00"}, {"campaign", "lunch"}, {"shook", 12}}));
  EXPECT_EQ(out["hours"][1]["shook"], nullptr);
  EXPECT_EQ(lunch["holdout"]["held_out"]["bought"], nullptr) << "5 of 50, fewer than ten";
  EXPECT_EQ(lunch["holdout"]["lift"]["bought"], nullptr);
  const auto& holdout = lunch["holdout"];
  EXPECT_NEAR(holdout["lift"]["returned"]["difference"].get<double>(), 0.2, 1e-9);
  EXPECT_LT(holdout["lift"]["returned"]["low"].get<double>(), 0.2);
  statistics.arms[0].held.people = 9;
  EXPECT_EQ(json::parse(statistics_json(statistics, 7, 10, zone))["campaigns"][0]["holdout"]["treated"], nullptr);
}

// Few people on each of many days came to k together, and a day was the difference of two sums.
TEST(Statistics, AreSuppressedDayByDay) {
  ledger::Ledger::Statistics statistics;
  const auto day = [&](std::int64_t slot, const char* zone, std::uint64_t people) {
    statistics.cells.push_back({Span::day, slot, "lunch", zone, Stage::shook, people, people});
  };
  const auto zone = campaign::ZoneTime::load("Asia/Shanghai").value();
  const auto shown = [&] { return json::parse(statistics_json(statistics, 7, 10, zone))["campaigns"][0]; };
  for (std::int64_t slot = 0; slot < 5; ++slot) day(slot, "entrance", 3);
  EXPECT_EQ(shown()["shook"], json({{"people", nullptr}, {"times", nullptr}}));
  day(5, "entrance", 40);
  day(5, "garden", 12);
  EXPECT_EQ(shown()["shook"]["people"], 52);
  const auto before = shown();
  day(6, "entrance", 4);
  EXPECT_EQ(shown(), before) << "the day more says nothing of four people";
  day(7, "entrance", 4);
  day(7, "garden", 30);
  day(7, "till", 20);
  EXPECT_EQ(shown()["shook"]["people"], 106);
  EXPECT_EQ(shown()["zones"][0]["shook"]["people"], 40);
  EXPECT_EQ(shown()["zones"][1]["shook"]["people"], 42) << "12 and 30";
  EXPECT_EQ(shown()["zones"][2]["shook"]["people"], nullptr) << "else the four could be worked out";
}

TEST(Statistics, AShareOfFewOrOfAllButFewIsNotShown) {
  ledger::Ledger::Statistics statistics;
  statistics.arms.push_back({"lunch", {100, 0, 95}, {100, 100, 9}});
  const auto zone = campaign::ZoneTime::load("Asia/Shanghai").value();
  const auto holdout = json::parse(statistics_json(statistics, 7, 10, zone))["campaigns"][0]["holdout"];
  EXPECT_EQ(holdout["treated"]["returned"]["share"], 0) << "nobody is no secret";
  EXPECT_EQ(holdout["treated"]["bought"], nullptr) << "five did not";
  EXPECT_EQ(holdout["held_out"]["returned"], nullptr) << "each of them did";
  EXPECT_EQ(holdout["held_out"]["bought"], nullptr);
  EXPECT_EQ(holdout["lift"], json({{"returned", nullptr}, {"bought", nullptr}}));
}

}  // namespace
}  // namespace foyer::app
