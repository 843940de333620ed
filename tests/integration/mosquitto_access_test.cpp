// What a real broker refuses, what we refuse it, and that both are named: passwords, TLS, topics, sizes.
#include "support/mqtt_shop.hpp"

namespace foyer {
namespace {

TEST(Mosquitto, AWrongPasswordIsNamedAndMendedWithoutARestart) {
  test::Broker broker({}, test::Broker::Start::later);
  set_password(broker, "gw-01", "old");
  broker.set_lines({"allow_anonymous false", "password_file " + (broker.dir() / "passwords").string()});
  broker.start();
  auto line = line_settings(broker.port());
  line.username = "gw-01";
  line.password = "new";
  Shop shop(line);
  ASSERT_TRUE(shop.run_until([&] { return shop.reasons.size() >= 3; }));
  EXPECT_TRUE(shop.saw_reason("Not authorized")) << shop.reasons[0];
  EXPECT_EQ(shop.connections, 0);
  set_password(broker, "gw-01", "new");
  broker.reload();
  EXPECT_TRUE(shop.run_until([&] { return shop.connections == 1; }));
}

TEST(Mosquitto, TlsFaultsAreNamedAndMendedWithoutARestart) {
  test::Broker broker({}, test::Broker::Start::later);
  const auto path = [&](const char* name) { return (broker.dir() / name).string(); };
  for (const std::string name : {"good", "other"})
    run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path((name + ".key").c_str()),
         "-out", path((name + ".pem").c_str())});
  broker.set_lines({"certfile " + path("good.pem"), "keyfile " + path("good.key")});
  broker.start();
  auto line = line_settings(broker.port());
  line.tls = drivers::mosquitto::Tls{path("ca.pem"), "", ""};
  Shop shop(line);
  ASSERT_TRUE(shop.run_until([&] { return shop.saw_reason("ca.pem: No such file"); }));
  std::filesystem::copy_file(path("other.pem"), path("ca.pem"));
  ASSERT_TRUE(shop.run_until([&] { return shop.saw_reason("certificate verify failed"); })) << shop.reasons.back();
  EXPECT_EQ(shop.connections, 0);
  std::filesystem::copy_file(path("good.pem"), path("ca.pem"), std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(shop.run_until([&] { return shop.connections == 1; })) << shop.reasons.back();

  shop.store(Stream::ledger, 10);
  EXPECT_TRUE(shop.run_until([&] { return shop.uplink().status().streams.at(Stream::ledger).refused >= 1; }))
      << "nobody listens, but the broker's answers come over TLS";
}

TEST(Mosquitto, AServerThatHangsUpDuringTheHandshakeIsNamed) {
  test::Broker plain;  // no TLS there
  auto line = line_settings(plain.port());
  line.tls = drivers::mosquitto::Tls{};
  Shop shop(line);
  ASSERT_TRUE(shop.run_until([&] { return shop.reasons.size() >= 2; }));
  EXPECT_EQ(shop.connections, 0);
  EXPECT_FALSE(shop.reasons[0].empty());
}

TEST(Mosquitto, TheShippedAccessListLetsAGatewaySpeakOnlyForItself) {
  test::Broker broker({}, test::Broker::Start::later);
  for (const auto* user : {"gw-01", "gw-02", "ingester"}) set_password(broker, user, "secret");
  broker.set_lines({"allow_anonymous false", "password_file " + (broker.dir() / "passwords").string(),
                    "acl_file " FOYER_SOURCE_DIR "/config/mosquitto/foyer.acl"});
  broker.start();
  Ingester ingester(broker.port(), true, {"ingester", "ingester", "secret", 0});
  ASSERT_TRUE(ingester.ready());
  sync::Settings settings;
  settings.acknowledge = sync::Acknowledge::application;
  auto line = line_settings(broker.port());
  line.username = "gw-02";  // configured as gw-01, but holding another gateway's secret
  line.password = "secret";
  {
    Shop impostor(line, settings);
    impostor.store(Stream::ledger, 3);
    ASSERT_TRUE(impostor.run_until([&] { return impostor.uplink().status().streams.at(Stream::ledger).refused >= 1; }));
    EXPECT_NE(impostor.uplink().status().last_error.find("0x87"), std::string::npos);
  }
  EXPECT_EQ(ingester.count(Stream::ledger), 0u);
  line.username = "gw-01";
  Shop shop(line, settings);
  shop.store(Stream::ledger, 3);
  EXPECT_TRUE(shop.run_until([&] { return shop.outbox.empty(); })) << "up, and the watermark down";
  EXPECT_TRUE(ingester.whole(Stream::ledger, 3));
}

TEST(Mosquitto, WhatIsTooLargeDoesNotComeDown) {
  test::Broker broker;
  auto line = line_settings(broker.port());
  line.max_packet = 10'000;
  Shop shop(line);
  ASSERT_TRUE(shop.run_until([&] { return shop.connections == 1; }));
  test::MqttClient sender(broker.port(), {});
  ASSERT_TRUE(sender.wait_ready());
  sender.publish({kBase + "/down/campaign/large", std::string(20'000, 'x'), "", "", "", 1, false});
  sender.publish({kBase + "/down/campaign/small", "{}", "", "", "", 1, false});
  ASSERT_TRUE(shop.run_until([&] { return !shop.received.empty(); }));
  EXPECT_EQ(shop.received[0].topic, kBase + "/down/campaign/small");
  EXPECT_EQ(shop.connections, 1);
}

TEST(Mosquitto, AMessageTheBrokerWouldNotTakeIsAnsweredAndTheLineStaysUp) {
  test::Broker broker({"max_packet_size 2000"});
  Ingester ingester(broker.port(), false);
  ASSERT_TRUE(ingester.ready());
  sync::Settings settings;
  settings.max_batch_bytes = 4'000;
  Shop shop(line_settings(broker.port()), settings);
  shop.store(Stream::ledger, 100);
  ASSERT_TRUE(shop.run_until([&] { return shop.uplink().status().streams.at(Stream::ledger).refused >= 1; }));
  EXPECT_NE(shop.uplink().status().last_error.find("0x95"), std::string::npos);
  EXPECT_EQ(shop.connections, 1);
}

TEST(Mosquitto, TheFirstOfTwoWithOneIdSaysThatItLostTheLine) {
  test::Broker broker;
  auto slow = line_settings(broker.port());
  slow.backoff_min = slow.backoff_max = 60s;
  Shop first(slow);
  ASSERT_TRUE(first.run_until([&] { return first.connections == 1; }));
  Shop second(slow);
  EXPECT_TRUE(first.run_until([&] { return !first.reasons.empty(); }));
  EXPECT_FALSE(first.uplink().status().connected);
}

}  // namespace
}  // namespace foyer
