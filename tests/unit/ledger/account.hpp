#pragma once

#include <fmt/format.h>

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "campaign/draw.hpp"
#include "campaign/reader.hpp"
#include "campaign/reason.hpp"
#include "campaign/zone_time.hpp"
#include "ledger/sqlite.hpp"

namespace foyer::ledger {

// Of five shoppers: each of these is met.
inline constexpr std::uint32_t kSubjectTotal = 4, kSubjectDay = 2, kTotal = 9, kDay = 4, kPackets = 12, kOffersADay = 3;

/// What the rows say of the campaigns and the shoppers at one moment after the other.
class Account {
 public:
  explicit Account(Db& db) : db_(db), zone_(campaign::ZoneTime::load("Asia/Shanghai").value()) {
    auto pauses = db.query(
        "SELECT wall_ms, json_extract(data, '$.campaign'), json_extract(data, '$.paused') FROM outbox WHERE "
        "type = 'campaign.applied' AND json_extract(data, '$.paused') IS NOT NULL ORDER BY seq");
    while (pauses.next()) pauses_.emplace_back(pauses.integer(0), pauses.text(1), pauses.integer(2) != 0);
    auto versions = db.query("SELECT at_ms, json FROM campaign_version ORDER BY campaign, version");
    while (versions.next())
      versions_.emplace_back(versions.integer(0),
                             campaign::parse_campaign_json(versions.text(1), "test", campaign::Origin::stored).value());
  }

  void turn_to(std::int64_t at_ms) {
    at_ms_ = at_ms;
    moment_ = campaign::Moment::at(from_unix_ms(at_ms), true, zone_);
  }
  /// Everything that speaks against a win of this shopper now; `who` empty: nobody knows any more who it was.
  std::set<campaign::Reason> against_coupons(const std::string& who) {
    std::set<campaign::Reason> reasons;
    if (paused("coupons")) reasons.insert(campaign::Reason::paused);
    if (of_subject_[who] >= kSubjectTotal || of_day_[today(who)] >= kSubjectDay)
      reasons.insert(campaign::Reason::subject_cap);
    if (wins_ >= kTotal || wins_of_day_[moment_.today] >= kDay) reasons.insert(campaign::Reason::campaign_cap);
    if (wins_ >= version("coupons").prizes.at(0).stock) reasons.insert(campaign::Reason::out_of_stock);
    return reasons;
  }
  std::set<campaign::Reason> against_packets() {
    std::set<campaign::Reason> reasons;
    if (paused("packets")) reasons.insert(campaign::Reason::paused);
    if (is_over(version("packets").schedule, moment_)) reasons.insert(campaign::Reason::expired);
    if (taken_ >= kPackets) reasons.insert(campaign::Reason::out_of_stock);
    return reasons;
  }
  void won_coupon(const std::string& who) {
    ++wins_;
    ++of_subject_[who];
    ++of_day_[today(who)];
    ++wins_of_day_[moment_.today];
  }
  void won_packet() { ++taken_; }
  std::uint32_t offer_of(const std::string& subject) { return ++offers_of_day_[today(subject)]; }
  std::uint32_t wins() const { return wins_; }
  /// Whose the win was, by the record that outlives an erasure.
  std::string winner(const std::string& nonce_hash) {
    auto query = db_.query("SELECT who FROM prize_record WHERE id = ?");
    query.bind(fmt::format("{:08x}{}", at_ms_ / 1000, nonce_hash));
    return query.next() ? query.text(0) : "";
  }

 private:
  std::string today(const std::string& who) const { return fmt::format("{}|{}", who, moment_.today); }
  bool paused(const std::string& campaign) const {
    bool paused = false;
    for (const auto& [at, id, is] : pauses_)
      if (at < at_ms_ && id == campaign) paused = is;
    return paused;
  }
  const campaign::Campaign& version(const std::string& campaign) const {
    const campaign::Campaign* newest = nullptr;
    for (const auto& [at, one] : versions_)
      if (at <= at_ms_ && one.id == campaign) newest = &one;
    if (newest == nullptr) throw std::logic_error("an answer by a campaign that was not there");
    return *newest;
  }

  Db& db_;
  const campaign::ZoneTime zone_;
  std::int64_t at_ms_ = 0;
  campaign::Moment moment_{};
  std::vector<std::tuple<std::int64_t, std::string, bool>> pauses_;
  std::vector<std::pair<std::int64_t, campaign::Campaign>> versions_;
  std::map<std::string, std::uint32_t> of_subject_, of_day_, offers_of_day_;
  std::map<std::int64_t, std::uint32_t> wins_of_day_;
  std::uint32_t wins_ = 0, taken_ = 0;
};

}  // namespace foyer::ledger
