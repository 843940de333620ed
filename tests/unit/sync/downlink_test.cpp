#include "sync/downlink.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gateway.hpp"

namespace foyer::sync {
namespace {

using nlohmann::json;

ports::InboundMessage command(std::string payload) {
  return {kBase + "/down/command", std::move(payload), "", "", false};
}

TEST(Downlink, SubscribesToWhatItReads) {
  EXPECT_EQ(subscriptions(kIdentity),
            (std::vector<std::string>{kBase + "/ack/+", kBase + "/down/campaign/+", kBase + "/down/command"}));
}

TEST(Downlink, OtherTopicsAreNotOurs) {
  for (const auto* topic : {"/ack/ledger", "/down/other", "/down/command/x", "/state"})
    EXPECT_FALSE(parse_downlink({kBase + topic, "{}", "", "", false}, kIdentity)) << topic;
  EXPECT_FALSE(parse_downlink({"foyer/v1/acme/store-001/gw-02/down/command", "{}", "", "", false}, kIdentity));
}

TEST(Downlink, ACampaignIsItsIdAndItsText) {
  const auto parsed = parse_downlink({kBase + "/down/campaign/lunch-draw", "{}", "", "", true}, kIdentity);
  ASSERT_TRUE(parsed && *parsed);
  const auto& campaign = std::get<CampaignDown>(**parsed);
  EXPECT_EQ(campaign.id, "lunch-draw");
  EXPECT_EQ(campaign.payload, "{}");
  const auto removed = parse_downlink({kBase + "/down/campaign/lunch-draw", "", "", "", false}, kIdentity);
  ASSERT_TRUE(removed && *removed);
  EXPECT_EQ(std::get<CampaignDown>(**removed).payload, "");
}

TEST(Downlink, ACampaignWithABadIdOrTooLargeIsRefused) {
  for (const auto& id : std::vector<std::string>{"", "a/b", "a b", "\xff", std::string(65, 'a')}) {
    const auto parsed = parse_downlink({kBase + "/down/campaign/" + id, "{}", "", "", false}, kIdentity);
    ASSERT_TRUE(parsed) << id;
    EXPECT_FALSE(*parsed) << id;
  }
  const auto large =
      parse_downlink({kBase + "/down/campaign/a", std::string(kMaxDownlinkBytes + 1, ' '), "", "", false}, kIdentity);
  ASSERT_TRUE(large);
  ASSERT_FALSE(*large);
  EXPECT_NE(large->error().message.find("65536"), std::string::npos);
}

TEST(Downlink, TheSameCommandSentAgainHasTheSameKey) {
  const auto key = [](const std::string& payload, const std::string& correlation) {
    auto message = command(payload);
    message.correlation = correlation;
    return std::get<Command>(**parse_downlink(message, kIdentity)).key;
  };
  const std::string pause = R"({"command":"pause","id":"lunch"})", resume = R"({"command":"resume","id":"lunch"})";
  const std::string named = R"({"command":"pause","id":"lunch","request":"r-1"})";
  EXPECT_EQ(key(pause, "c-1").size(), 64u);
  EXPECT_EQ(key(pause, "c-1"), key(pause, "c-1"));
  EXPECT_NE(key(pause, "c-1"), key(pause, "c-2"));
  EXPECT_NE(key(pause, "c-1"), key(resume, "c-1")) << "one who always uses the same correlation data is not deaf";
  EXPECT_EQ(key(named, "c-1"), key(named, "c-2")) << "its name is what counts";
  EXPECT_EQ(key(pause, ""), "") << "without a name it is carried out each time";
  EXPECT_EQ(key(R"({"command":"status","request":"r-1"})", "c-1"), "") << "there is no harm in asking twice";
}

TEST(Downlink, KnowsTheIdOfACampaignsTopicHoweverBad) {
  EXPECT_EQ(campaign_of(kBase + "/down/campaign/a b", kIdentity), "a b");
  EXPECT_EQ(campaign_of(kBase + "/down/command", kIdentity), std::nullopt);
}

TEST(Downlink, ACommandIsReadWhole) {
  auto message = command(R"({"command":"void","id":"ABCDE12345F","reason":"refund","expires":"2026-11-22T02:30:00Z"})");
  message.response_topic = "ops/replies";
  message.correlation = "c-1";
  const auto parsed = parse_downlink(message, kIdentity);
  ASSERT_TRUE(parsed && *parsed);
  const auto& read = std::get<Command>(**parsed);
  EXPECT_EQ(read.kind, Command::Kind::void_);
  EXPECT_EQ(read.id, "ABCDE12345F");
  EXPECT_EQ(read.reason, "refund");
  EXPECT_EQ(read.expires, from_unix_ms(1'795'314'600'000));
  EXPECT_EQ(read.response_topic, "ops/replies");
  EXPECT_EQ(read.correlation, "c-1");
}

TEST(Downlink, EveryCommandHasItsName) {
  for (const auto* name : {"pause", "resume", "void", "erase", "admit", "remove"}) {
    const auto parsed = parse_downlink(command(json{{"command", name}, {"id", "x"}}.dump()), kIdentity);
    ASSERT_TRUE(parsed && *parsed) << name;
    EXPECT_EQ(to_string(std::get<Command>(**parsed).kind), name);
  }
  const auto status = parse_downlink(command(R"({"command":"status"})"), kIdentity);
  ASSERT_TRUE(status && *status);
}

TEST(Downlink, ABadCommandIsRefusedAndSaysWhatIsAllowed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "JSON object"},
      {"[]", "JSON object"},
      {R"({"command":"status")", "JSON object"},
      {R"({})", "is required"},
      {R"({"command":7})", "is required"},
      {R"({"command":"reboot"})", "allowed are status, pause"},
      {R"({"command":"pause"})", "needs an id"},
      {R"({"command":"status","id":"x"})", "takes no id"},
      {R"({"command":"pause","id":7})", "id must be a string"},
      {R"({"command":"pause","id":""})", "1 to 256"},
      {R"({"command":"pause","id":"x","reason":"y"})", "only void"},
      {R"({"command":"pause","id":"x","expires":"soon"})", "expires"},
      {R"({"command":"pause","id":"x","shell":"rm"})", "'shell' is not known"},
  };
  for (const auto& [payload, why] : cases) {
    const auto parsed = parse_downlink(command(payload), kIdentity);
    ASSERT_TRUE(parsed) << payload;
    ASSERT_FALSE(*parsed) << payload;
    EXPECT_EQ(parsed->error().code, Code::refuse);
    EXPECT_NE(parsed->error().message.find(why), std::string::npos) << payload << " → " << parsed->error().message;
  }
  auto retained = command(R"({"command":"status"})");
  retained.retained = true;
  EXPECT_FALSE(*parse_downlink(retained, kIdentity));
}

TEST(Reply, CarriesTheAnswerBack) {
  auto request = command("{}");
  request.response_topic = "ops/replies";
  request.correlation = std::string("\0\1", 2);
  const auto good = make_reply(request, kIdentity, Result<std::string>(R"({"online":true})"));
  ASSERT_TRUE(good);
  EXPECT_EQ(good->topic, "ops/replies");
  EXPECT_EQ(good->correlation, request.correlation);
  EXPECT_EQ(good->tag, 0u);
  EXPECT_EQ(json::parse(good->payload), (json{{"ok", true}, {"result", {{"online", true}}}}));
  const auto bad = make_reply(request, kIdentity, fail(Code::refuse, "no such campaign"));
  ASSERT_TRUE(bad);
  EXPECT_EQ(json::parse(bad->payload),
            (json{{"ok", false}, {"error", {{"code", "refuse"}, {"message", "no such campaign"}}}}));
}

TEST(Reply, NeverGoesWhereItCouldForge) {
  for (const std::string& topic : {std::string(), kBase + "/up/ledger", kBase + "/state", kBase + "/down/command",
                                   std::string("foyer/v1/acme/store-001/gw-02/up/ledger"), std::string("a/+"),
                                   std::string("#"), std::string("$SYS/x"), std::string(257, 'a')})
    EXPECT_FALSE(may_reply_to(topic, kIdentity)) << topic;
  EXPECT_TRUE(may_reply_to(kBase + "/reply/ops-1", kIdentity));
  EXPECT_TRUE(may_reply_to("ops/replies", kIdentity));
}

}  // namespace
}  // namespace foyer::sync
