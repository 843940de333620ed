// What comes down the line, when the clerk, the ledger or the clock is not at its best.
#include "app/orders.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>

#include "support/files.hpp"
#include "support/manual_time.hpp"

namespace foyer::app {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

/// Only what an order asks of it is there.
class Desk final : public portal::AdminServices {
  using Text = Result<std::string>;
  static Text none() { return fail(Code::refuse, "not here"); }

 public:
  Text status_json() override { return std::string("{}"); }
  Text admit(const std::string& who) override {
    admitted.push_back(who);
    return std::string("{}");
  }
  Text remove(const std::string&, std::optional<std::chrono::seconds>) override { return none(); }
  Text void_coupon(const std::string&, const std::string&, const campaign::Order& order) override {
    voided.push_back(order);
    return std::string("{\"state\":\"voided\"}");
  }
  Text erase_subject(const std::string&) override { return none(); }
  Text radio_json() override { return none(); }
  Text presence_json() override { return none(); }
  Text presence_hours_json() override { return none(); }
  Text clients_json() override { return none(); }
  Text outbox_json() override { return none(); }
  Text metrics_text() override { return none(); }
  Text campaigns_json() override { return none(); }
  Text campaign_json(const std::string&) override { return none(); }
  Text push_campaign(const std::string&) override { return none(); }
  Text pause_campaign(const std::string&, bool) override { return none(); }
  Text set_segments(const std::string&, const std::vector<std::string>&) override { return none(); }
  Text stats_json(int) override { return none(); }
  std::pair<bool, std::string> ready() override { return {true, ""}; }
  Text mint_token(const std::string&, const std::string&, std::optional<std::chrono::seconds>) override {
    return none();
  }
  Result<portal::PrintFacts> print_facts(const portal::PrintOrder&) override { return fail(Code::refuse, "not here"); }
  Text rotate_tokens() override { return none(); }
  Text coupon_json(const std::string&) override { return none(); }
  Text redeem(const std::string&) override { return none(); }
  Text import_codes(const std::string&, const std::string&, std::vector<std::string>, bool) override { return none(); }
  Text coupon_key_json() override { return none(); }
  Text staff_json() override { return none(); }
  Text add_staff(const std::string&, const std::string&, const std::string&) override { return none(); }
  Text remove_staff(const std::string&) override { return none(); }
  Text export_subject(const std::string&) override { return none(); }
  std::shared_ptr<ports::HttpStream> follow_events() override { return nullptr; }

  std::vector<std::string> admitted;
  std::vector<campaign::Order> voided;
};

class OrdersTest : public testing::Test {
 protected:
  OrdersTest() {
    ledger::Settings settings;
    settings.path = folder_ / "foyer.db";
    settings.gateway = "gw-01";
    settings.store = "store-001";
    settings.holdout_key = Bytes(32, 7);
    settings.random = kernel_random;
    settings.wall = [this] { return clock_.wall(); };
    settings.mono = [] {
      return MonoTime{std::chrono::duration_cast<Mono::duration>(std::chrono::steady_clock::now().time_since_epoch())};
    };
    settings.boot_id = "boot";
    settings.build_date = parse_rfc3339("2026-01-01T00:00:00.000Z").value();
    settings.max_bytes = 1 << 20;
    auto opened = ledger::Ledger::open(std::move(settings));
    if (!opened) std::terminate();
    ledger_ = std::move(*opened);
    ledger_->on_stored([this](const std::vector<StoredEvent>& events) {
      const std::lock_guard lock(mutex_);
      stored_.insert(stored_.end(), events.begin(), events.end());
      changed_.notify_all();
    });
    clerk_ = std::make_unique<Clerk>();
    orders_ = std::make_unique<Orders>(
        sync::Identity{"acme", "store-001", "gw-01", ledger_->epoch()}, *ledger_, desk_, *clerk_, clock_,
        [] { return campaign::Ceilings{}; },
        [this](ports::OutboundMessage message) {
          const std::lock_guard lock(mutex_);
          replies_.push_back(std::move(message));
          changed_.notify_all();
        });
  }
  ~OrdersTest() override {
    clerk_->stop();
    ledger_->close();
  }

  static ports::InboundMessage campaign(const std::string& id, bool retained = false) {
    const json text{{"id", id},
                    {"title", {{"en", "Lunch"}}},
                    {"trigger", "shake"},
                    {"prizes", {{"none", {{"kind", "nothing"}, {"weight", 1}}}}}};
    return {"foyer/v1/acme/store-001/gw-01/down/campaign/" + id, text.dump(), "", "", retained};
  }
  static ports::InboundMessage command(const json& object) {
    return {"foyer/v1/acme/store-001/gw-01/down/command", object.dump(), "ops/reply", "c1", false};
  }
  /// Waits until so many events of this type are stored about this campaign; the last one's data.
  json told(const std::string& type, const std::string& id, std::size_t times = 1) {
    std::unique_lock lock(mutex_);
    json last;
    const bool came = changed_.wait_for(lock, 20s, [&] {
      std::size_t count = 0;
      for (const auto& event : stored_) {
        if (event.event.type != type) continue;
        auto data = json::parse(event.event.data);
        if (data["campaign"] != id) continue;
        ++count;
        last = std::move(data);
      }
      return count >= times;
    });
    EXPECT_TRUE(came) << type << " " << id;
    return last;
  }
  json reply() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [&] { return !replies_.empty(); }));
    if (replies_.empty()) return {};
    auto payload = json::parse(replies_.front().payload);
    replies_.erase(replies_.begin());
    return payload;
  }
  /// The clerk is busy, and a thousand tasks wait for it.
  void fill_clerk() {
    std::promise<void> busy;
    ASSERT_TRUE(clerk_->post([&busy, free = free_.get_future().share()] {
      busy.set_value();
      free.wait();
    }));
    busy.get_future().wait();
    while (clerk_->post([] {})) {
    }
  }

  const test::Folder folder_{"/dev/shm"};
  test::ManualClock clock_;
  Desk desk_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<StoredEvent> stored_;
  std::vector<ports::OutboundMessage> replies_;
  std::promise<void> free_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<Clerk> clerk_;
  std::unique_ptr<Orders> orders_;
};

// It was neither applied nor refused: the broker had handed it over, and nothing happened until the next connection.
TEST_F(OrdersTest, ACampaignThatFindsTheClerkBusyIsAppliedLater) {
  fill_clerk();
  EXPECT_TRUE(orders_->take(campaign("lunch")));
  free_.set_value();
  std::promise<void> idle;
  while (!clerk_->post([&idle] { idle.set_value(); })) std::this_thread::yield();
  idle.get_future().wait();
  orders_->look();
  EXPECT_EQ(told("campaign.applied", "lunch")["version"], 1);
}

TEST_F(OrdersTest, MoreThanMayWaitAreRefusedAndToldSo) {
  fill_clerk();
  for (int i = 0; i < 64; ++i) orders_->take(campaign("c" + std::to_string(i)));
  orders_->take(campaign("c63"));
  orders_->take(campaign("one-more"));
  const auto refused = told("campaign.refused", "one-more");
  EXPECT_NE(refused["reasons"][0].get<std::string>().find("overloaded"), std::string::npos);
  free_.set_value();
}

TEST_F(OrdersTest, WhoPublishesTheSameAgainIsAnsweredAgain) {
  orders_->take(campaign("lunch"));
  EXPECT_EQ(told("campaign.applied", "lunch")["version"], 1);
  orders_->take(campaign("lunch", true));  // what the broker kept says nothing new
  orders_->take(campaign("lunch"));
  EXPECT_EQ(told("campaign.applied", "lunch", 2)["unchanged"], true);
  orders_->take(command({{"command", "status"}}));
  (void)reply();  // the clerk has done all of it
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(std::ranges::count(stored_, "campaign.applied", [](const auto& one) { return one.event.type; }), 2);
}

TEST_F(OrdersTest, WithoutRoomItIsRefusedAndAppliedOnceThereIsSome) {
  const std::string data = R"({"x":")" + std::string(4'000, 'x') + "\"}";
  const auto stored = [this] { return ledger_->streams(10s).value().at(Stream::ledger).last_seq; };
  for (std::uint64_t n = 1; !ledger_->figures().full;
       ++n) {  // one after the other: a queue would be stored all the same
    if (!ledger_->record({{Stream::ledger, "sale.recorded", "", data}})) break;
    while (stored() < n) std::this_thread::yield();
  }
  for (const auto* id : {"lunch", "dinner"}) {
    orders_->take(campaign(id));
    const auto refused = told("campaign.refused", id);
    EXPECT_NE(refused["reasons"][0].get<std::string>().find("overloaded"), std::string::npos) << "also when it is full";
  }
  ledger_->forget(Stream::ledger, stored());
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (ledger_->figures().full && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  orders_->look();
  EXPECT_EQ(told("campaign.applied", "lunch")["version"], 1);
  EXPECT_EQ(told("campaign.applied", "dinner")["version"], 1);
}

// A clock of 1970 takes every command for one in time.
TEST_F(OrdersTest, ByAClockNobodyTrustsNoCommandIsJudged) {
  const auto soon = to_rfc3339(clock_.wall() + 1h);
  const json admit{{"command", "admit"}, {"id", "10.77.0.2"}, {"expires", soon}, {"request", "r1"}};
  const auto right = clock_.wall();
  clock_.set_wall(WallTime{});
  orders_->take(command(admit));
  auto answer = reply();
  EXPECT_EQ(answer["error"]["code"], "retry");
  EXPECT_EQ(answer["error"]["message"].get<std::string>().substr(0, 15), "clock_untrusted");
  EXPECT_TRUE(desk_.admitted.empty());
  clock_.set_wall(right);
  orders_->take(command(admit));
  EXPECT_EQ(reply()["ok"], true) << "it was not taken for answered";
  EXPECT_EQ(desk_.admitted.size(), 1u);
  clock_.set_wall(right + 2h);
  orders_->take(command({{"command", "admit"}, {"id", "10.77.0.3"}, {"expires", soon}}));
  EXPECT_EQ(reply()["error"]["code"], "refuse");
}

// A cut between the two would have told the next who asks that the coupon was void already.
TEST_F(OrdersTest, AVoidGoesToTheLedgerWithTheAnswerItIsToRemember) {
  orders_->take(command({{"command", "void"}, {"id", "c1"}, {"reason", "fraud"}, {"request", "r1"}}));
  const auto answer = reply();
  ASSERT_EQ(desk_.voided.size(), 1u);
  EXPECT_FALSE(desk_.voided[0].key.empty());
  EXPECT_EQ(json::parse(desk_.voided[0].answer), answer);
  orders_->take(command({{"command", "void"}, {"id", "c1"}, {"reason", "fraud"}, {"request", "r1"}}));
  EXPECT_EQ(reply(), answer);
  EXPECT_EQ(desk_.voided.size(), 1u);
}

}  // namespace
}  // namespace foyer::app
