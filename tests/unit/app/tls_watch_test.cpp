#include "app/tls_watch.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <tuple>

#include "support/files.hpp"
#include "support/manual_time.hpp"

namespace foyer::app {
namespace {

using namespace std::chrono_literals;

/// Of gw-01.shops.example, good from 2027-01-01 to 2027-04-01.
constexpr const char* kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBbDCCARKgAwIBAgIBATAKBggqhkjOPQQDAjAeMRwwGgYDVQQDDBNndy0wMS5z
aG9wcy5leGFtcGxlMB4XDTI3MDEwMTAwMDAwMFoXDTI3MDQwMTAwMDAwMFowHjEc
MBoGA1UEAwwTZ3ctMDEuc2hvcHMuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABA4S912swvsEBsKjvVBs9bNFrLNK+5T+QC/axehCbBLOIJqJzO1Oeu1Q
V2wsoGV5yqt8u9mSK+nRY6eOLTCTxTmjQTA/MB4GA1UdEQQXMBWCE2d3LTAxLnNo
b3BzLmV4YW1wbGUwHQYDVR0OBBYEFCQTdFL+u1XKDV6SK6HLs43oEZPoMAoGCCqG
SM49BAMCA0gAMEUCIQDPw9XOcUZtzas0L1SSehmkrHkLy5/SrdfPuR6822gSgQIg
Y3Q/A2ZV6b8F6lAcGPllMyJUZv1mjVENyKbTh5+JZNQ=
-----END CERTIFICATE-----
)";

class NoServer final : public ports::HttpServer {
 public:
  Result<void> bind(const ports::HttpListen&) override { return {}; }
  Result<void> serve(ports::HttpHandler) override { return {}; }
  std::uint16_t port() const override { return 0; }
  void stop() override {}
  std::vector<std::pair<std::string, std::uint64_t>> counters() const override { return {}; }
};

class TlsWatchTest : public testing::Test {
 protected:
  TlsWatchTest() {
    https_.host = "gw-01.shops.example";
    https_.certificate = https_.key = folder_.write("gw-01.pem", kCertificate);
  }

  void at(const char* time) { clock_.set_wall(parse_rfc3339(time).value()); }
  bool is(const TlsWatch& watch, const std::string& state) const {
    return watch.json().find("\"state\":\"" + state + "\"") != std::string::npos;
  }

  const test::Folder folder_;
  config::Https https_;
  NoServer server_;
  test::ManualClock clock_;
  bool synchronised_ = true;
  int turned_ = 0;
  const WallTime build_date_ = parse_rfc3339("2026-11-01T00:00:00Z").value();
  TlsWatch watch() {
    return {https_, server_, {}, clock_, build_date_, [this] { return synchronised_; }, [this] { ++turned_; }};
  }
};

TEST_F(TlsWatchTest, TheCertificateIsJudgedByASynchronisedClock) {
  at("2026-12-31T23:00:00Z");
  auto watch = this->watch();
  EXPECT_TRUE(is(watch, "not_yet"));
  EXPECT_FALSE(watch.usable());
  for (const auto& [time, state, usable] : {std::tuple{"2027-01-02T00:00:00Z", "good", true},
                                            {"2027-03-25T00:00:00Z", "ending", true},
                                            {"2027-04-01T00:00:00Z", "expired", false}}) {
    at(time);
    watch.look();
    EXPECT_TRUE(is(watch, state)) << watch.json();
    EXPECT_EQ(watch.usable(), usable) << time;
  }
  EXPECT_EQ(turned_, 3);  // the first judgement, in the making, too
}

// A board without a battery starts where it stopped: a certificate renewed since then seemed to begin in the future,
// and phones were sent to the plain portal.
TEST_F(TlsWatchTest, AClockThatNobodyHasSetCannotSayNotYet) {
  synchronised_ = false;
  at("2026-12-20T00:00:00Z");
  auto watch = this->watch();
  EXPECT_TRUE(is(watch, "no_clock")) << watch.json();
  EXPECT_TRUE(watch.usable());
  synchronised_ = true;
  watch.look();
  EXPECT_TRUE(is(watch, "not_yet"));
  EXPECT_FALSE(watch.usable());
  synchronised_ = false;
  at("2027-04-02T00:00:00Z");
  watch.look();
  EXPECT_TRUE(is(watch, "expired")) << "it is no earlier than that";
}

TEST_F(TlsWatchTest, AClockBeforeTheProgramWasBuiltCannotTell) {
  at("1970-01-01T00:01:00Z");
  auto watch = this->watch();
  EXPECT_TRUE(is(watch, "no_clock"));
  EXPECT_TRUE(watch.usable());
}

}  // namespace
}  // namespace foyer::app
