// The uplink over libmosquitto to a real broker that is away, killed, mute or frozen.
#include "support/mqtt_shop.hpp"

namespace foyer {
namespace {

TEST(Mosquitto, TenThousandEventsArriveInOrderAndLeaveTheOutbox) {
  test::Broker broker;
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(ingester.ready());
  Shop shop(line_settings(broker.port()));
  shop.store(Stream::ledger, 10'000);
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty() && ingester.count(Stream::ledger) == 10'000; }));
  EXPECT_TRUE(ingester.whole(Stream::ledger, 10'000));
  EXPECT_TRUE(ingester.in_order());
  EXPECT_EQ(shop.uplink().status().streams.at(Stream::ledger).resent, 0u);
}

TEST(Mosquitto, ABrokerThatIsDownAtBootIsFoundWhenItIsUp) {
  test::Broker broker({}, test::Broker::Start::later);
  Shop shop(line_settings(broker.port()));
  shop.store(Stream::ledger, 10);
  ASSERT_TRUE(shop.run_until([&] { return shop.reasons.size() >= 3; })) << "tried again and again";
  EXPECT_TRUE(shop.saw_reason("Connection refused")) << shop.reasons[0];
  EXPECT_TRUE(shop.saw_reason(std::to_string(broker.port()))) << "it says who refused";
  broker.start();
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty(); }));
  EXPECT_TRUE(shop.run_until([&] { return ingester.whole(Stream::ledger, 10); }));
}

TEST(Mosquitto, AKilledBrokerLosesNothingWhereTheIngesterAcknowledges) {
  test::Broker broker({"max_queued_messages 10000"});
  Ingester ingester(broker.port(), true);
  ASSERT_TRUE(ingester.ready());
  sync::Settings settings;
  settings.acknowledge = sync::Acknowledge::application;
  settings.max_batch_rows = 10;
  settings.watermark_timeout = 1s;
  settings.puback_timeout = 3s;
  Shop shop(line_settings(broker.port()), settings);
  shop.store(Stream::ledger, 5'000);
  shop.store(Stream::presence, 1'000);
  for (const std::size_t upto : {1'000, 3'000}) {
    ASSERT_TRUE(shop.run_until([&] { return ingester.count(Stream::ledger) >= upto; }));
    ASSERT_FALSE(shop.outbox.empty()) << "still draining";
    broker.kill();
    ASSERT_TRUE(shop.run_until([&] { return !shop.uplink().status().connected; }));
    broker.start();
  }
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty(); }));
  EXPECT_TRUE(ingester.whole(Stream::ledger, 5'000));
  EXPECT_TRUE(ingester.whole(Stream::presence, 1'000));
  EXPECT_GE(shop.connections, 3);
}

TEST(Mosquitto, NobodySubscribedKeepsTheRowsUntilSomebodyIs) {
  test::Broker broker;
  Shop shop(line_settings(broker.port()));
  shop.store(Stream::ledger, 100);
  ASSERT_TRUE(shop.run_until([&] { return shop.uplink().status().streams.at(Stream::ledger).refused >= 3; }));
  EXPECT_EQ(shop.outbox.rows[Stream::ledger].size(), 100u);
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty(); }));
  EXPECT_TRUE(shop.run_until([&] { return ingester.whole(Stream::ledger, 100); }));
}

TEST(Mosquitto, AFrozenBrokerIsLeftWhenThePubackIsMissing) {
  test::Broker broker;
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(ingester.ready());
  sync::Settings settings;
  settings.puback_timeout = 500ms;
  Shop shop(line_settings(broker.port()), settings);
  ASSERT_TRUE(shop.run_until([&] { return shop.connections == 1; }));
  broker.freeze();
  shop.store(Stream::ledger, 10);
  ASSERT_TRUE(shop.run_until([&] { return shop.saw_reason("no PUBACK within 500 ms"); }));
  broker.thaw();
  ASSERT_TRUE(shop.run_until([&] { return shop.outbox.empty(); }));
  EXPECT_TRUE(shop.run_until([&] { return ingester.whole(Stream::ledger, 10); }));
}

TEST(Mosquitto, AKilledProcessIsSaidOfflineByItsWill) {
  test::Broker broker;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Shop shop(line_settings(broker.port()));
    shop.run_until([] { return false; }, 60s);
    _exit(0);
  }
  test::MqttClient observer(broker.port(), {kBase + "/state"});
  const auto last_says = [](bool online) {
    return [online](const auto& messages) {
      return !messages.empty() && json::parse(messages.back().payload).at("online") == online;
    };
  };
  EXPECT_TRUE(observer.wait(last_says(true)));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(observer.wait(last_says(false)));
  test::MqttClient late(broker.port(), {kBase + "/state"}, {"late", "", "", 0});
  EXPECT_TRUE(late.wait(last_says(false))) << "it is retained";
}

TEST(Backoff, IsAnywhereBetweenNothingAndADoublingLimit) {
  const auto zeros = [](std::span<std::uint8_t> out) { std::fill(out.begin(), out.end(), std::uint8_t{0}); };
  drivers::mosquitto::Backoff none(1s, 120s, zeros);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(none.next(), 0ms);
  drivers::mosquitto::Backoff backoff(1s, 120s, kernel_random);
  std::chrono::milliseconds limit = 1s;
  std::set<std::int64_t> seen;
  for (int i = 0; i < 200; ++i) {
    const auto pause = backoff.next();
    EXPECT_GE(pause, 0ms);
    EXPECT_LE(pause, limit);
    seen.insert(pause.count());
    limit = std::min<std::chrono::milliseconds>(120s, limit * 2);
  }
  EXPECT_GT(seen.size(), 100u) << "jitter";
  backoff.reset();
  EXPECT_LE(backoff.next(), 1s);
}

}  // namespace
}  // namespace foyer
