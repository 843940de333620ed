#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "campaign/offer.hpp"
#include "ledger/context.hpp"

/// The campaigns in force: JSON in the database, parsed in memory, so that a draw reads nothing of those that are
/// refused by their rules.
namespace foyer::ledger {

class Campaigns {
 public:
  /// In force at once, of all sources; further ones are refused.
  static constexpr std::size_t kMost = 2000;
  static constexpr std::uint32_t kMostPackets = 100'000;  ///< red packets of one prize

  /// The operator's last word on whether it is paused. It stands until the next, over reloads and restarts; only a
  /// source that pauses anew takes a `resumed` back, or the chain's switch would have no effect. As stored.
  enum class Word { none = 0, paused = 1, resumed = 2 };

  struct Entry {
    campaign::Campaign campaign;  ///< paused as it counts: by its source or held by the operator
    std::string source;
    bool source_paused = false;  ///< what the source says
    bool started = false;
    Word word = Word::none;
  };

  /// Reads what is stored. What cannot be parsed (written by a later program) is left alone and not in force; `faults`
  /// says which: id, why.
  void load(Db& db, std::vector<std::pair<std::string, std::string>>* faults = nullptr);

  /// Highest priority first, then by id.
  const std::vector<Entry>& entries() const { return entries_; }
  std::vector<campaign::Campaign> all() const;
  /// In force, or begun once and taken away since.
  std::optional<campaign::Campaign> known(Db& db, const std::string& id) const;
  /// Of one trigger, in the same order.
  const std::vector<const Entry*>& of(campaign::Trigger trigger) const {
    return by_trigger_[static_cast<std::size_t>(trigger)];
  }
  const std::vector<const Entry*>& with_holdout() const { return with_holdout_; }
  /// Those that count a subject's wins beyond the day, but for purchases: a buyer is known by one name alone.
  const std::vector<const Entry*>& with_subject_total() const { return with_subject_total_; }
  /// What the rules of a trigger's campaigns ask of a shopper, so that nothing is looked up in vain.
  struct Asks {
    bool visits = false, segments = false;
  };
  const Asks& asks(campaign::Trigger trigger) const { return asks_[static_cast<std::size_t>(trigger)]; }
  std::vector<campaign::CampaignState> states(Context& context) const;

  const campaign::OfferRules& offer_rules() const { return offer_rules_; }
  void use(const campaign::OfferRules& rules) { offer_rules_ = rules; }

  Ledger::Applied apply(Context& context, const std::string& source, const std::vector<campaign::Campaign>& campaigns);
  /// What apply would answer when these are what is stored already; nullopt: something would be written. Reads only.
  std::optional<Ledger::Applied> unchanged(Db& db, const std::string& source,
                                           const std::vector<campaign::Campaign>& campaigns) const;
  Result<void> pause(Context& context, const std::string& id, bool paused);
  /// After its first draw, whatever its dates say.
  void mark_started(Context& context, const std::string& id);
  /// What is left of the red packets of those that are over goes back.
  void return_over(Context& context);
  /// Marks those whose first day has come.
  void mark_begun(Context& context);

  /// True once after a change: a rollback must load() again.
  bool take_touched() { return std::exchange(touched_, false); }

 private:
  struct Stored {
    std::string id, source, json;
    bool started = false, active = false;
  };
  std::optional<Stored> stored(Db& db, const std::string& id) const;
  std::optional<std::string> store(Context& context, const std::string& source, const campaign::Campaign& campaign,
                                   std::uint32_t& version);
  void remove_missing(Context& context, const std::string& source, const std::vector<campaign::Campaign>& wanted);
  void touch(Db& db);
  void index();

  std::vector<Entry> entries_;
  std::array<std::vector<const Entry*>, campaign::kTriggers> by_trigger_;  // into entries_
  std::array<Asks, campaign::kTriggers> asks_{};
  std::vector<const Entry*> with_holdout_, with_subject_total_;
  campaign::OfferRules offer_rules_;
  bool touched_ = false;
};

/// Why a started campaign may not become `next`; nullopt: pause, resume, a later end (of valid.until, too) and more
/// stock only.
std::optional<std::string> forbidden_change(const campaign::Campaign& started, const campaign::Campaign& next);

}  // namespace foyer::ledger
