#include "config/config.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support.hpp"

namespace foyer::config {
namespace {

using namespace std::chrono_literals;
using test::Folder;
using test::texts;

constexpr std::string_view kUuid = "fda50693-a4e2-4fb1-afcf-c6eb07647825";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// A file that uses every key, with the files it names.
std::string full(const Folder& folder) {
  folder.write("logo.svg", "<svg/>");
  folder.write("scenario.yaml", "steps: []\n");
  folder.write("wifi", "correct horse\n");
  folder.write("pem", "-----BEGIN-----\n");
  folder.write("keys", "# tills\ntill-1:" + std::string(64, 'a') + "\n\ntill-2:" + std::string(64, 'B'));
  folder.write("password", "secret\n");
  return replaced(R"(# every key
gateway: {id: gw-01, store: store-001, tenant: acme, timezone: Europe/Berlin, languages: [de, en]}
brand: {name: {de: Laden, en: Shop}, logo: @/logo.svg, accent: "#A0b1C2"}
storage: {path: @/foyer.db, max_size: 64 MiB}
radio:
  driver: sim
  scenario: @/scenario.yaml
  scan: {adapter: hci1, mode: passive, tap: auto, rssi_floor: -90}
  broadcast:
    - {uuid: FDA50693-A4E2-4FB1-AFCF-C6EB07647825, major: 1, minor: rolling, rotate: 5m, measured_power: -65, adapter: "00:1A:7D:DA:71:13"}
    - {uuid: fda50693-a4e2-4fb1-afcf-c6eb07647825, major: 1, minor: 0}
zones:
  - id: entrance
    name: {en: Entrance}
    beacons:
      - {uuid: fda50693-a4e2-4fb1-afcf-c6eb07647825, major: 100, minor: 2}
      - {uuid: fda50693-a4e2-4fb1-afcf-c6eb07647825, major: 101}
    enter: -65
    exit: -80
    dwell: 1500ms
    exit_after: 1m
  - {id: till, enter: -60}
  - {id: yard}
shoppers: {uuid: 5b1bb9d4-0d8a-4c4e-9f0e-2f6f6f0d3a11, lease: 2h}
wifi:
  gate: nftables
  interface: wlan1
  uplink: end0
  ssid: 示例店
  security: {kind: wpa2, password_file: @/wifi}
  address: 192.168.9.1/24
  hostapd: /run/hostapd/wlan1
  gate_socket: /run/gate.sock
  lan_access: true
  session: {length: 1h, idle: 10m, quota: 1 GiB, down: 10 Mbit/s, up: 500 kbit/s, per_device_per_day: 9}
  walled_garden: [pay.example.com, cdn.pay.example.com]
portal:
  http: 0.0.0.0:8081
  https: {listen: "[::]:8444", host: gw-01.shops.example, certificate: @/pem, key: @/pem}
  hosts: [shop.local, 10.0.0.1]
  screen_rotation: 20s
  consent: {required: false, terms: {en: Be kind}}
  limits: {draws: 60, redeems: 50}
pos: {keys_file: @/keys}
upstream:
  mqtt: {host: mqtt.example.com, port: 8884, tls: {ca: @/pem, certificate: @/pem, key: @/pem}, username: gw, password_file: @/password, keepalive: 60s}
  acknowledge: application
campaigns: @/campaigns
admin: {socket: @/control.sock, http: "127.0.0.1:9465", password_file: @/password}
privacy: {mode: member, k: 20}
)",
                  "@", folder.path());
}

TEST(Config, ReadsEveryKey) {
  const Folder folder;
  const auto read = parse_config(full(folder), "foyer.yaml");
  ASSERT_TRUE(read) << texts(read.error());
  const auto& c = *read;
  const auto uuid = *parse_uuid(kUuid);
  EXPECT_EQ(c.gateway, (Gateway{"gw-01", "store-001", "acme", "Europe/Berlin", {"de", "en"}}));
  EXPECT_EQ(c.brand, (Brand{{{"de", "Laden"}, {"en", "Shop"}}, folder.path() + "/logo.svg", "#A0b1C2"}));
  EXPECT_EQ(c.storage, (Storage{folder.path() + "/foyer.db", 64ull << 20}));
  EXPECT_EQ(c.radio,
            (Radio{RadioDriver::sim,
                   folder.path() + "/scenario.yaml",
                   "hci1",
                   ScanMode::passive,
                   true,
                   -90,
                   {{uuid, 1, std::nullopt, 300s, -65, "00:1A:7D:DA:71:13"}, {uuid, 1, 0, 60s, -59, "auto"}}}));
  ASSERT_EQ(c.zones.size(), 3u);
  EXPECT_EQ(c.zones[0],
            (Zone{"entrance", {{"en", "Entrance"}}, {{uuid, 100, 2}, {uuid, 101, {}}}, -65, -80, 1500ms, 60s}));
  EXPECT_EQ(c.zones[1], (Zone{"till", {{"en", "till"}}, {}, -60, -66, 30s, 45s}));
  EXPECT_EQ(c.zones[2], (Zone{"yard", {{"en", "yard"}}, {}, -70, -76, 30s, 45s}));
  EXPECT_EQ(c.shoppers, (Shoppers{*parse_uuid("5b1bb9d4-0d8a-4c4e-9f0e-2f6f6f0d3a11"), 2h}));
  Wifi wifi;
  wifi.gate = GateDriver::nftables;
  wifi.interface = "wlan1";
  wifi.uplink = "end0";
  wifi.ssid = "示例店";
  wifi.security = WifiSecurity::wpa2;
  wifi.password_file = folder.path() + "/wifi";
  wifi.address = *parse_prefix("192.168.9.1/24");
  wifi.hostapd = "/run/hostapd/wlan1";
  wifi.gate_socket = "/run/gate.sock";
  wifi.lan_access = true;
  wifi.session_length = 3600s;
  wifi.session_idle = 600s;
  wifi.quota = 1ull << 30;
  wifi.down_bps = 10'000'000;
  wifi.up_bps = 500'000;
  wifi.per_device_per_day = 9;
  wifi.walled_garden = {"pay.example.com", "cdn.pay.example.com"};
  EXPECT_EQ(c.wifi, wifi);
  const auto pem = folder.path() + "/pem";
  EXPECT_EQ(c.portal, (Portal{"0.0.0.0:8081",
                              Https{"[::]:8444", "gw-01.shops.example", pem, pem},
                              {"shop.local", "10.0.0.1"},
                              20s,
                              false,
                              {{"en", "Be kind"}},
                              60,
                              50}));
  EXPECT_EQ(c.pos_keys_file, folder.path() + "/keys");
  EXPECT_EQ(c.upstream, (Upstream{"mqtt.example.com", 8884, true, pem, pem, pem, "gw", folder.path() + "/password", 60s,
                                  Acknowledge::application}));
  EXPECT_EQ(c.campaigns, folder.path() + "/campaigns");
  EXPECT_EQ(c.admin, (Admin{folder.path() + "/control.sock", "127.0.0.1:9465", folder.path() + "/password"}));
  EXPECT_EQ(c.privacy, PrivacyMode::member);
  EXPECT_EQ(c.privacy_k, 20u);
}

TEST(Config, NeedsThreeKeys) {
  const auto read = parse_config("gateway: {id: gw-01, store: 001, tenant: acme}\n", "foyer.yaml");
  ASSERT_TRUE(read) << texts(read.error());
  Config expected;
  expected.gateway.id = "gw-01";
  expected.gateway.store = "001";  // as written: no number is made of it
  expected.gateway.tenant = "acme";
  expected.brand.name = {{"en", "001"}};
  expected.wifi.address = *parse_prefix("10.77.0.1/20");
  EXPECT_EQ(*read, expected);
}

TEST(Config, TakesThePortOfMqttFromTls) {
  const std::string gateway = "gateway: {id: a, store: b, tenant: c}\n";
  EXPECT_EQ(parse_config(gateway + "upstream: {mqtt: {host: m}}\n", "f")->upstream->port, 1883);
  const auto tls = parse_config(gateway + "upstream: {mqtt: {host: m, tls: {}}}\n", "f");
  ASSERT_TRUE(tls) << texts(tls.error());
  EXPECT_TRUE(tls->upstream->tls);
  EXPECT_EQ(tls->upstream->port, 8883);
}

TEST(Config, TurnsTheGateOnWhereWifiIsGiven) {
  const std::string gateway = "gateway: {id: a, store: b, tenant: c}\n";
  EXPECT_EQ(parse_config(gateway, "f")->wifi.gate, GateDriver::off);
  EXPECT_EQ(parse_config(gateway + "wifi: {ssid: x}\n", "f")->wifi.gate, GateDriver::nftables);
  EXPECT_EQ(parse_config(gateway + "wifi: {gate: off}\n", "f")->wifi.gate, GateDriver::off);
}

TEST(Config, ChecksWhatSecretsHold) {
  const Folder folder;
  const std::string gateway = "gateway: {id: a, store: b, tenant: c}\n";
  const auto faults = [&](const std::string& section) {
    const auto read = parse_config(gateway + section, "f");
    return read ? std::string("accepted") : texts(read.error());
  };
  const auto shorty = folder.write("short", "1234567\n"), empty = folder.write("empty", "\n");
  const auto keys = folder.write("keys", "# x\ntill-1:hunter2\n");
  EXPECT_EQ(faults("wifi: {security: {kind: wpa2, password_file: " + shorty + "}}\n"),
            "f:2:46: wifi.security.password_file: must hold a password of 8 to 63 printable ASCII characters\n");
  EXPECT_EQ(faults("admin: {password_file: " + empty + "}\n"),
            "f:2:24: admin.password_file: must hold a password, not nothing\n");
  EXPECT_EQ(faults("pos: {keys_file: " + keys + "}\n"),
            "f:2:18: pos.keys_file: line 2 must be name:sha256-of-key, 64 hex digits after the colon\n");
}

TEST(Config, SaysAllFaultsInTheOrderOfTheFile) {
  const auto read = parse_config("admin: {http: x}\ngateway: {id: a}\nzones:\n  - {exit: 1}\nportal: {http: y}\n", "f");
  ASSERT_FALSE(read);
  int last = 0;
  for (const auto& fault : read.error()) {
    EXPECT_GE(fault.line, last);
    last = fault.line;
  }
  EXPECT_EQ(read.error().size(), 6u) << texts(read.error());
}

TEST(Config, ReportsAFileThatCannotBeRead) {
  const Folder folder;
  const auto missing = read_config(folder.path() + "/none.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(texts(missing.error()),
            fmt::format("{0}/none.yaml: cannot be read: {0}/none.yaml: No such file or directory\n", folder.path()));
  EXPECT_FALSE(read_config(folder.path()));
  EXPECT_FALSE(read_config(""));
  const auto large = read_config(folder.write("large.yaml", std::string((1 << 20) + 1, '\n')));
  ASSERT_FALSE(large);
  EXPECT_NE(large.error()[0].what.find("larger than 1024 KiB"), std::string::npos);
}

/// Faults or a Config, never an exception or a crash; the sanitizers of CI see the rest.
TEST(Config, EndsWellForEveryTruncationAndChange) {
  const Folder folder;
  const auto text = full(folder);
  int accepted = 0, refused = 0;
  const auto check = [&](const std::string& changed) {
    const auto read = parse_config(changed, "f");
    ++(read ? accepted : refused);
    EXPECT_TRUE(read || !read.error().empty());
  };
  for (std::size_t i = 0; i < text.size(); ++i) check(text.substr(0, i));
  constexpr std::string_view kBytes("\0\t\n -:[]{}\"'#&*!|>?%@0\x80\xff", 25);
  std::size_t turn = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = kBytes[turn++ % kBytes.size()];
    check(changed);
    auto longer = text;
    longer.insert(i, 1, kBytes[turn++ % kBytes.size()]);
    check(longer);
    auto shorter = text;
    shorter.erase(i, 1 + turn % 7);
    check(shorter);
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 1000);
}

TEST(Config, EndsWellForHugeAndDeepInput) {
  for (const auto* part :
       {"[", "{",  "- ", "? ",    "{a: ",  "[{a: ",  "a: {", "a:\n ", "&a ", "*a ",          "!!a ", "| ",
        "'", "\"", "%",  "---\n", "...\n", "a: a: ", ", ",   "#",     "\\",  "\xef\xbb\xbf", "a",    "a: b\n"}) {
    std::string text;
    while (text.size() < 100'000) text += part;
    const auto read = parse_config(text, "f");
    ASSERT_FALSE(read) << part;
    EXPECT_FALSE(read.error().empty());
    EXPECT_LE(read.error().size(), 101u);
  }
}

TEST(Config, NamesWhatNeedsARestart) {
  const Folder folder;
  const auto running = *parse_config(full(folder), "f");
  EXPECT_TRUE(needs_restart(running, running).empty());
  auto wanted = running;
  wanted.gateway.id = "gw-02";
  wanted.storage.path = "/elsewhere";
  wanted.radio.driver = RadioDriver::bluez;
  wanted.portal.https.reset();
  wanted.admin.http = "127.0.0.1:1";
  wanted.zones.clear();
  wanted.portal.terms = {};
  EXPECT_EQ(needs_restart(running, wanted),
            (std::vector<std::string>{"gateway.id", "storage.path", "radio.driver", "portal.https", "admin.http"}));
  // What is kept as it runs waits for nothing; what is not kept is taken over.
  const auto kept = keep_fixed(running, wanted);
  EXPECT_TRUE(needs_restart(running, kept).empty());
  EXPECT_TRUE(kept.zones.empty());
}

class Secrets : public testing::Test {
 protected:
  void SetUp() override { ::setenv("CREDENTIALS_DIRECTORY", folder_.path().c_str(), 1); }
  void TearDown() override { ::unsetenv("CREDENTIALS_DIRECTORY"); }
  Folder folder_;
};

TEST_F(Secrets, AreSoughtInTheCredentialsFolder) {
  folder_.write("mqtt", "pass word \n");
  EXPECT_EQ(read_secret("mqtt").value(), "pass word ");
  EXPECT_EQ(read_secret(folder_.path() + "/mqtt").value(), "pass word ");
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_FALSE(read_secret("mqtt"));
}

TEST_F(Secrets, LoseOneNewlineOnly) {
  EXPECT_EQ(read_secret(folder_.write("a", "x\n\n")).value(), "x\n");
  EXPECT_EQ(read_secret(folder_.write("b", "x\r\n")).value(), "x");
  EXPECT_EQ(read_secret(folder_.write("c", "")).value(), "");
}

TEST_F(Secrets, AreBoundedFiles) {
  for (const auto& name : {std::string(), folder_.path(), folder_.path() + "/none",
                           folder_.write("large", std::string(64 * 1024 + 1, 'x'))}) {
    const auto read = read_secret(name);
    ASSERT_FALSE(read) << name;
    EXPECT_EQ(read.error().code, Code::refuse);
  }
}

}  // namespace
}  // namespace foyer::config
