// Random lives of a ledger, cut off at every commit: what was answered is there, nothing was given twice or beyond its
// limits, and the rows alone explain every answer.
#include <map>
#include <random>

#include "campaign/reader.hpp"
#include "ledger/codec.hpp"
#include "ledger/storage.hpp"
#include "support/crash_disk.hpp"
#include "world.hpp"

namespace foyer::ledger {
namespace {

using campaign::DrawAnswer;
using campaign::Reason;
using campaign::Trigger;
using test::CrashDisk;

constexpr std::uint32_t kSubjectTotal = 4, kSubjectDay = 2, kTotal = 30, kPackets = 12, kOffersADay = 3;
constexpr std::int64_t kPacketSum = 1000, kPacketFloor = 20;
constexpr int kSteps = 160;

/// What the outside was told.
struct Told {
  std::map<std::string, std::string> draws;                  ///< nonce → record of its answer
  std::map<std::string, std::vector<std::uint64_t>> offers;  ///< instance → seqs
  std::map<std::string, int> redeemed;                       ///< coupon id → times
};

class History : public World, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  History() : random_(GetParam()) { std::filesystem::create_directory(dir_ + "/after"); }

  Settings on(const CrashDisk& disk, const std::string& folder) {
    auto made = settings();
    made.path = dir_ + folder + "/foyer.db";
    made.vfs = disk.vfs();
    return made;
  }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::string subject() { return fmt::format("s{}", below(5)); }

  campaign::Campaign coupons() const {
    auto campaign = sure_win("coupons");
    campaign.limits.subject_total = kSubjectTotal;
    campaign.limits.subject_day = kSubjectDay;
    campaign.limits.total = kTotal;
    campaign.prizes[0].stock = stock_;
    campaign.prizes[0].uses = 2;
    campaign.prizes[0].weight = 3;
    campaign::Prize none;
    none.id = "none";
    campaign.prizes.push_back(none);
    campaign.priority = 1;
    return campaign;
  }
  static campaign::Campaign packets() {
    auto campaign = sure_win("packets");
    auto& prize = campaign.prizes[0];
    prize.id = "packet";
    prize.kind = campaign::PrizeKind::red_packet;
    prize.benefit = {};
    prize.valid = {};
    prize.total = {kPacketSum, "CNY"};
    prize.count = kPackets;
    prize.at_least_minor = kPacketFloor;
    return campaign;
  }
  static campaign::Campaign welcome(const std::string& id) {
    auto campaign = sure_win(id);
    campaign.trigger = Trigger::enter;
    campaign.exclusive = "welcome";
    return campaign;
  }
  void put_all() {
    (void)ledger_->apply_campaigns("file", {coupons(), packets(), welcome("hello"), welcome("hi")}, kDeadline);
  }

  void step();
  void shake_once();
  void enter_once();
  void redeem_once();
  void verify(const CrashDisk& left, const std::string& when);
  void verify_told(Db& db, const std::string& when);
  void verify_limits(Db& db, const std::string& when);
  void verify_explained(Db& db, const std::string& when);

  std::mt19937_64 random_;
  std::uint32_t stock_ = 8;
  int nonces_ = 0, instances_ = 0;
  Told told_;
  std::vector<std::string> codes_;
};

void History::shake_once() {
  const bool again = nonces_ > 0 && below(5) == 0;
  const auto number = again ? static_cast<int>(below(static_cast<std::uint64_t>(nonces_))) : nonces_++;
  const auto nonce = fmt::format("n{}", number);
  const auto answer = ledger_->draw(shake(nonce, fmt::format("s{}", number % 5)), kDeadline);
  ASSERT_TRUE(answer) << answer.error().message;
  const auto record = to_record(*answer);
  const auto [at, fresh] = told_.draws.try_emplace(nonce, record);
  ASSERT_EQ(at->second, record) << "the same nonce, another answer";
  if (fresh && answer->coupon) codes_.push_back(answer->coupon->code);
}

void History::enter_once() {
  const bool again = instances_ > 0 && below(4) == 0;
  const auto number = again ? static_cast<int>(below(static_cast<std::uint64_t>(instances_))) : instances_++;
  const auto who = fmt::format("s{}", number % 5);
  const auto instance = fmt::format("enter|{}", number);
  const auto answer = ledger_->happen({Trigger::enter, instance, {who, 4, "entrance", false}, {who}, ""}, kDeadline);
  ASSERT_TRUE(answer) << answer.error().message;
  std::vector<std::uint64_t> seqs;
  for (const auto& offer : answer->offers) seqs.push_back(offer.seq);
  ASSERT_LE(seqs.size(), 1u) << "two of one group";
  // Who was refused may be let in later; who got something gets the same for ever.
  auto& known = told_.offers[instance];
  if (!known.empty()) {
    ASSERT_EQ(known, seqs) << instance;
  }
  known = seqs;
}

void History::redeem_once() {
  if (codes_.empty()) return;
  campaign::TillRequest request;
  request.action = campaign::TillAction::redeem;
  request.code = codes_[below(codes_.size())];
  const auto answer = ledger_->till(request, kDeadline);
  ASSERT_TRUE(answer) << answer.error().message;
  if (!answer->refused) ++told_.redeemed[answer->coupon->id];
}

void History::step() {
  pass(1s);
  const auto dice = below(100);
  if (dice < 55) return shake_once();
  if (dice < 75) return enter_once();
  if (dice < 85) return redeem_once();
  if (dice < 90) return pass(std::chrono::hours(below(8)));
  if (dice < 95) {
    stock_ += static_cast<std::uint32_t>(below(3));
    return put_all();
  }
  (void)ledger_->pause_campaign(below(2) == 0 ? "coupons" : "packets", dice < 97, kDeadline);
}

void History::verify_told(Db& db, const std::string& when) {
  for (const auto& [nonce, record] : told_.draws) {
    auto query = db.query("SELECT answer FROM draw WHERE nonce_hash = ?");
    query.bind(nonce);
    ASSERT_TRUE(query.next()) << when << ": the answer of " << nonce << " is lost";
    ASSERT_EQ(query.text(0), record) << when;
  }
  for (const auto& [instance, seqs] : told_.offers)
    for (const auto seq : seqs) {
      auto query = db.query("SELECT 1 FROM offer WHERE seq = ? AND instance = ?");
      query.bind(seq, instance);
      ASSERT_TRUE(query.next()) << when << ": the offer of " << instance << " is lost";
    }
  for (const auto& [id, times] : told_.redeemed) {
    auto query = db.query("SELECT uses - uses_left FROM coupon WHERE id = ?");
    query.bind(id);
    ASSERT_TRUE(query.next()) << when;
    ASSERT_GE(query.integer(0), times) << when << ": a redemption is lost";
  }
}

void History::verify_limits(Db& db, const std::string& when) {
  ASSERT_LE(db.number("SELECT count(*) FROM coupon WHERE campaign = 'coupons'"), stock_) << when << ": stock";
  ASSERT_EQ(db.number("SELECT count(*) FROM coupon WHERE uses_left > uses OR uses_left < 0"), 0) << when;
  // Red packets: what was claimed and what is left is the whole, to the cent and to the packet.
  const auto claimed = db.number(
      "SELECT ifnull(sum(json_extract(answer, '$.prize.amount.minor')), 0) FROM draw WHERE json_extract(answer, "
      "'$.campaign') = 'packets'");
  ASSERT_EQ(claimed + db.number("SELECT ifnull(sum(minor), 0) FROM packet"), kPacketSum) << when;
  ASSERT_EQ(db.number("SELECT ifnull(sum(minor), 0) FROM prize_use WHERE campaign = 'packets'"), claimed) << when;
  const auto taken = db.number(
      "SELECT count(*) FROM draw WHERE json_extract(answer, '$.campaign') = 'packets' AND json_extract(answer, "
      "'$.result') = 'won'");
  ASSERT_EQ(taken + db.number("SELECT count(*) FROM packet"), kPackets) << when;
  ASSERT_EQ(db.number(fmt::format("SELECT count(*) FROM packet WHERE minor < {}", kPacketFloor)), 0) << when;
}

/// Goes through the recorded answers in order of time and counts for itself.
void History::verify_explained(Db& db, const std::string& when) {
  const auto zone = campaign::ZoneTime::load("Asia/Shanghai").value();
  std::map<std::string, std::uint32_t> of_subject, of_day, offers_of_day;
  std::uint32_t wins = 0, coupons = 0;
  auto query = db.query(
      "SELECT at_ms, subject, answer, 0 FROM draw UNION ALL SELECT at_ms, subject, answer, 1 FROM offer "
      "ORDER BY at_ms");
  while (query.next()) {
    const auto answer = draw_from_record(query.text(2));
    const auto day = zone.local(from_unix_ms(query.integer(0))).day;
    const auto today = fmt::format("{}|{}", query.text(1), std::chrono::sys_days{day}.time_since_epoch().count());
    const bool won = answer.result == DrawAnswer::Result::won;
    if (won && answer.coupon) {
      ++coupons;
      auto coupon = db.query("SELECT campaign, prize, subject FROM coupon WHERE id = ?");
      coupon.bind(answer.coupon->id);
      ASSERT_TRUE(coupon.next()) << when << ": a win without its coupon";
      ASSERT_EQ(coupon.text(0), answer.campaign);
      ASSERT_EQ(coupon.text(1), answer.prize->id);
      ASSERT_EQ(coupon.text(2), query.text(1));
    }
    if (query.integer(3) == 1) {
      ASSERT_LE(++offers_of_day[today], kOffersADay) << when << ": the house's cap";
      continue;
    }
    if (answer.campaign != "coupons") continue;
    auto& total = of_subject[query.text(1)];
    auto& of_today = of_day[today];
    if (won) {
      ASSERT_LE(++total, kSubjectTotal) << when;
      ASSERT_LE(++of_today, kSubjectDay) << when;
      ASSERT_LE(++wins, kTotal) << when;
    } else if (answer.reason == Reason::subject_cap) {
      ASSERT_TRUE(total == kSubjectTotal || of_today == kSubjectDay) << when << ": refused for no reason";
    } else if (answer.reason == Reason::campaign_cap) {
      ASSERT_EQ(wins, kTotal) << when << ": refused for no reason";
    }
  }
  ASSERT_EQ(db.number("SELECT count(*) FROM coupon"), coupons) << when << ": a coupon nobody won";
  ASSERT_EQ(db.number("SELECT ifnull(sum(total), 0) FROM campaign_use WHERE campaign = 'coupons'"), wins) << when;
  ASSERT_EQ(db.number("SELECT ifnull(sum(total), 0) FROM subject_use WHERE campaign = 'coupons'"), wins) << when;
  ASSERT_EQ(db.number("SELECT ifnull(sum(issued), 0) FROM prize_use WHERE campaign = 'coupons'"), wins) << when;
  ASSERT_EQ(db.number("SELECT count(*) FROM (SELECT instance FROM offer GROUP BY instance HAVING count(*) > 1)"), 0);
  ASSERT_EQ(db.number("SELECT count(*) FROM offer WHERE instance NOT IN (SELECT instance FROM happening)"), 0);
  ASSERT_EQ(db.number("SELECT count(*) FROM campaign WHERE id NOT IN (SELECT campaign FROM campaign_version)"), 0);
}

void History::verify(const CrashDisk& left, const std::string& when) {
  const auto storage = open_storage(on(left, "/after"));
  ASSERT_TRUE(storage) << when << ": " << storage.error().message;
  auto& db = *storage->db;
  verify_told(db, when);
  if (!HasFatalFailure() && db.number("SELECT count(*) FROM campaign") > 0) verify_limits(db, when);
  if (!HasFatalFailure()) verify_explained(db, when);
}

TEST_P(History, CutAtEveryCommitKeepsWhatWasPromised) {
  CrashDisk disk;
  int syncs = 0;
  // On the ledger's thread while this one waits for an answer: what was told so far stands still.
  disk.on_sync([&] {
    ++syncs;
    if (HasFatalFailure()) return;
    const auto when = fmt::format("seed {}, sync {}", GetParam(), syncs);
    verify(*disk.after_kill(), when + ", killed");
    if (!HasFatalFailure()) verify(*disk.after_cut(GetParam() * 1000 + static_cast<std::uint64_t>(syncs)), when);
  });
  open(on(disk, ""));
  ASSERT_TRUE(ledger_->use_offer_rules({kOffersADay, {}, {}}, kDeadline));
  put_all();
  for (int i = 0; i < kSteps && !HasFatalFailure(); ++i) {
    step();
    if (i % 50 == 49) {
      open(on(disk, ""));
      ASSERT_TRUE(ledger_->use_offer_rules({kOffersADay, {}, {}}, kDeadline));
    }
  }
  ledger_.reset();
  EXPECT_GT(syncs, 60);
  EXPECT_GT(told_.draws.size(), 40u);
  RecordProperty("cuts", 2 * syncs);
}

INSTANTIATE_TEST_SUITE_P(Seeds, History, ::testing::Range<std::uint64_t>(1, 7));

}  // namespace
}  // namespace foyer::ledger
