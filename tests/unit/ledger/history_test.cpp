// Random lives of a ledger, cut off at every commit: what was answered is there, nothing was given twice or beyond its
// limits, and the rows alone explain every answer.
#include <map>
#include <random>
#include <set>

#include "account.hpp"
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

constexpr std::int64_t kPacketSum = 1000, kPacketFloor = 20;
constexpr int kSteps = 180;

/// What the outside was told.
struct Told {
  std::map<std::string, std::string> draws;                  ///< nonce → record of its answer
  std::map<std::string, std::vector<std::uint64_t>> offers;  ///< instance → seqs
  std::map<std::string, int> redeemed;                       ///< coupon id → times
  std::vector<std::string> sales;
  std::int64_t consents = 0, codes = 0;
  std::set<Reason> reasons;
};

Bytes recorded_as(const std::string& subject) {
  const auto digest = hmac_sha256(Bytes(32, 7), as_bytes("prize:" + subject));
  return Bytes(digest.begin(), digest.begin() + 16);
}

class History : public World, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  History() : random_(GetParam()) { std::filesystem::create_directory(dir_ + "/after"); }

  Settings on(const CrashDisk& disk, const std::string& folder) {
    auto made = settings();
    made.path = dir_ + folder + "/foyer.db";
    made.vfs = disk.vfs();
    made.mono = [this] { return MonoTime{now() - begun_}; };  // a sweep a minute, of this history
    return made;
  }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::string subject() { return fmt::format("s{}", below(5)); }

  campaign::Campaign coupons() const {
    auto campaign = sure_win("coupons");
    campaign.limits.subject_total = kSubjectTotal;
    campaign.limits.subject_day = kSubjectDay;
    campaign.limits.total = kTotal;
    campaign.limits.day = kDay;
    campaign.prizes[0].stock = stock_;
    campaign.prizes[0].uses = 2;
    campaign.prizes[0].weight = 3;
    campaign::Prize none;
    none.id = "none";
    campaign.prizes.push_back(none);
    campaign.priority = 1;
    return campaign;
  }
  campaign::Campaign packets() const {
    auto campaign = sure_win("packets");
    auto& prize = campaign.prizes[0];
    prize.id = "packet";
    prize.kind = campaign::PrizeKind::red_packet;
    prize.benefit = {};
    prize.valid = {};
    prize.total = {kPacketSum, "CNY"};
    prize.count = kPackets;
    prize.at_least_minor = kPacketFloor;
    campaign.schedule.until = std::chrono::year_month_day{until_};
    return campaign;
  }
  /// What a purchase gives: codes of the merchant's own list.
  static campaign::Campaign thanks() {
    auto campaign = sure_win("thanks");
    campaign.trigger = Trigger::purchase;
    campaign.prizes[0].imported_codes = true;
    return campaign;
  }
  static campaign::Campaign welcome(const std::string& id) {
    auto campaign = sure_win(id);
    campaign.trigger = Trigger::enter;
    campaign.exclusive = "welcome";
    return campaign;
  }
  void put_all() {
    (void)ledger_->apply_campaigns("file", {coupons(), packets(), thanks(), welcome("hello"), welcome("hi")},
                                   kDeadline);
  }

  void step();
  void shake_once();
  void enter_once();
  void redeem_once();
  void sell_once();
  void bring_codes();
  void agree_or_go();
  void verify(const CrashDisk& left, const std::string& when);
  void verify_told(Db& db, const std::string& when);
  void verify_limits(Db& db, const std::string& when);
  void verify_explained(Db& db, const std::string& when);

  const WallTime begun_ = now();
  std::mt19937_64 random_;
  std::uint32_t stock_ = 6;
  std::chrono::sys_days until_{std::chrono::year{2026} / 11 / 22};  // the first day
  int nonces_ = 0, instances_ = 0;
  std::map<int, int> asked_before_, entered_before_;  ///< subject → what it asked before it was erased
  Told told_;
  std::vector<std::string> codes_;
};

void History::shake_once() {
  const bool again = nonces_ > 0 && below(5) == 0;
  auto number = again ? static_cast<int>(below(static_cast<std::uint64_t>(nonces_))) : nonces_++;
  if (number < asked_before_[number % 5]) number = nonces_++;  // whoever was erased is somebody else
  const auto nonce = fmt::format("n{}", number);
  const auto answer = ledger_->draw(shake(nonce, fmt::format("s{}", number % 5)), kDeadline);
  ASSERT_TRUE(answer) << answer.error().message;
  const auto record = to_record(*answer);
  const auto [at, fresh] = told_.draws.try_emplace(nonce, record);
  ASSERT_EQ(at->second, record) << "the same nonce, another answer";
  if (fresh && answer->coupon) codes_.push_back(answer->coupon->code);
  if (answer->reason) told_.reasons.insert(*answer->reason);
}

void History::enter_once() {
  const bool again = instances_ > 0 && below(4) == 0;
  auto number = again ? static_cast<int>(below(static_cast<std::uint64_t>(instances_))) : instances_++;
  if (number < entered_before_[number % 5]) number = instances_++;
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

void History::sell_once() {
  if (codes_.empty()) return;
  campaign::TillRequest request;
  request.action = campaign::TillAction::sale;
  request.code = codes_[below(codes_.size())];
  request.amount = Money{5000, "CNY"};
  const auto answer = ledger_->till(request, kDeadline);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_FALSE(answer->refused);
  told_.sales.push_back(answer->sale);
}

void History::bring_codes() {
  const auto brought = ledger_->import_codes(
      "thanks", "ten-off", {fmt::format("LIST-{}", told_.codes), fmt::format("LIST-{}", told_.codes + 1)}, false,
      kDeadline);
  ASSERT_TRUE(brought && brought->added == 2);
  told_.codes += 2;
}

/// Consent is given; or the person goes, by one way or the other, and what they had with them.
void History::agree_or_go() {
  const auto number = static_cast<int>(below(5));
  const auto who = fmt::format("s{}", number);
  const auto terms = fmt::format("terms-{}", told_.consents);
  if (below(3) != 0) {
    ASSERT_TRUE(ledger_->give_consent(who, terms, kDeadline));
    ++told_.consents;
    return;
  }
  asked_before_[number] = nonces_;
  entered_before_[number] = instances_;
  std::erase_if(told_.offers, [&](const auto& one) { return std::stoi(one.first.substr(6)) % 5 == number; });
  ASSERT_TRUE(below(2) == 0 ? ledger_->erase({who}, kDeadline) : ledger_->withdraw_consent({who}, kDeadline));
}

void History::step() {
  pass(1s);
  const auto dice = below(110);
  if (dice < 55) return shake_once();
  if (dice < 70) return enter_once();
  if (dice < 80) return redeem_once();
  if (dice < 85) return pass(std::chrono::hours(below(8)));
  if (dice < 90) {
    stock_ += static_cast<std::uint32_t>(below(3));
    until_ += std::chrono::days(below(2));
    return put_all();
  }
  if (dice < 97) return sell_once();
  if (dice < 100) return bring_codes();
  if (dice < 104) return agree_or_go();
  (void)ledger_->pause_campaign(below(2) == 0 ? "coupons" : "packets", dice < 106, kDeadline);
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
  for (const auto& id : told_.sales) {
    auto query = db.query("SELECT 1 FROM sale WHERE id = ?");
    query.bind(id);
    ASSERT_TRUE(query.next()) << when << ": a sale is lost";
  }
  ASSERT_GE(db.number("SELECT count(*) FROM consent_record WHERE given = 1"), told_.consents) << when;
  ASSERT_GE(db.number("SELECT count(*) FROM code_pool") +
                db.number("SELECT count(*) FROM coupon WHERE campaign = 'thanks' AND code LIKE 'LIST-%'"),
            told_.codes)
      << when << ": a code of the list is lost";
  ASSERT_EQ(db.number("SELECT count(*) FROM coupon WHERE campaign = 'thanks' AND code NOT LIKE 'LIST-%'"), 0) << when;
  ASSERT_EQ(db.number("SELECT count(*) FROM coupon WHERE code IN (SELECT code FROM code_pool)"), 0) << when;
}

void History::verify_limits(Db& db, const std::string& when) {
  ASSERT_LE(db.number("SELECT count(*) FROM coupon WHERE campaign = 'coupons'"), stock_) << when << ": stock";
  ASSERT_EQ(db.number("SELECT count(*) FROM coupon WHERE uses_left > uses OR uses_left < 0"), 0) << when;
  // Red packets: what was claimed and what is left is the whole, to the cent and to the packet.
  const auto claimed = db.number(
      "SELECT ifnull(sum(json_extract(answer, '$.prize.amount.minor')), 0) FROM draw WHERE json_extract(answer, "
      "'$.campaign') = 'packets'");
  const auto left = [&](const char* what) {  // to be taken, or gone back
    return db.number(
        fmt::format("SELECT ifnull(sum({}), 0) FROM (SELECT minor, 1 AS count FROM packet UNION ALL "
                    "SELECT minor, count FROM packet_return)",
                    what));
  };
  ASSERT_EQ(claimed + left("minor"), kPacketSum) << when;
  ASSERT_EQ(db.number("SELECT ifnull(sum(minor), 0) FROM prize_use WHERE campaign = 'packets'"), claimed) << when;
  const auto taken = db.number(
      "SELECT count(*) FROM draw WHERE json_extract(answer, '$.campaign') = 'packets' AND json_extract(answer, "
      "'$.result') = 'won'");
  ASSERT_EQ(taken + left("count"), kPackets) << when;
  ASSERT_EQ(db.number(fmt::format("SELECT count(*) FROM packet WHERE minor < {}", kPacketFloor)), 0) << when;
}

std::string text_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

/// Goes through the recorded answers in order of time and counts for itself: each must be what the rows ask for.
void History::verify_explained(Db& db, const std::string& when) {
  Account account(db);
  auto query = db.query(
      "SELECT at_ms, nonce_hash, subject, answer, 0 FROM draw UNION ALL SELECT at_ms, instance, subject, answer, 1 "
      "FROM offer ORDER BY at_ms");
  while (query.next()) {
    account.turn_to(query.integer(0));
    const auto answer = draw_from_record(query.text(3));
    const auto& subject = query.text(2);
    const bool won = answer.result == DrawAnswer::Result::won;
    const auto what = fmt::format("{}: {} of {}: {}", when, query.text(1), subject, query.text(3));
    if (won && answer.coupon) {
      auto coupon = db.query("SELECT campaign, prize, subject FROM coupon WHERE id = ?");
      coupon.bind(answer.coupon->id);
      ASSERT_TRUE(coupon.next()) << what << ": a win without its coupon";
      ASSERT_EQ(coupon.text(0), answer.campaign);
      ASSERT_EQ(coupon.text(1), answer.prize->id);
      ASSERT_EQ(coupon.text(2), subject);
    }
    if (query.integer(4) == 1) {
      ASSERT_LE(account.offer_of(subject), kOffersADay) << what << ": the house's cap";
      continue;
    }
    auto who = won ? account.winner(query.text(1)) : "";
    if (won) {
      ASSERT_NE(who, "") << what << ": no record of the prize";
    }
    if (!subject.empty()) {
      if (won) {
        ASSERT_EQ(who, text_of(recorded_as(subject))) << what;
      }
      who = text_of(recorded_as(subject));
    }
    const auto coupons = account.against_coupons(who), packets = account.against_packets();
    if (answer.result == DrawAnswer::Result::denied) {
      ASSERT_EQ(answer.campaign, "coupons") << what;
      ASSERT_TRUE(coupons.contains(*answer.reason) || (who.empty() && answer.reason == Reason::subject_cap))
          << what << ": refused for no reason";
      ASSERT_FALSE(packets.empty()) << what << ": there was a packet for them";
    } else if (answer.campaign == "packets") {
      ASSERT_TRUE(won && packets.empty()) << what;
      ASSERT_FALSE(coupons.empty()) << what << ": nothing spoke against the first";
      account.won_packet();
    } else {
      ASSERT_EQ(answer.campaign, "coupons") << what;
      ASSERT_TRUE(coupons.empty()) << what << ": should have been refused";
      if (won) account.won_coupon(who);
    }
  }
  const auto wins = account.wins();
  ASSERT_EQ(db.number("SELECT count(*) FROM coupon"),
            db.number("SELECT count(*) FROM prize_record WHERE campaign != 'packets'"))
      << when << ": a coupon nobody won";
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
  EXPECT_TRUE(told_.reasons.contains(Reason::campaign_cap)) << "the campaign's caps are met";
  RecordProperty("cuts", 2 * syncs);
}

INSTANTIATE_TEST_SUITE_P(Seeds, History, ::testing::Range<std::uint64_t>(1, 7));

}  // namespace
}  // namespace foyer::ledger
