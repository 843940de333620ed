#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ledger/context.hpp"

/// The campaigns in force: JSON in the database, parsed in memory, so that a draw reads nothing of those that are
/// refused by their rules.
namespace foyer::ledger {

class Campaigns {
 public:
  /// In force at once, of all sources; further ones are refused.
  static constexpr std::size_t kMost = 2000;
  static constexpr std::uint32_t kMostPackets = 100'000;  ///< red packets of one prize

  struct Entry {
    campaign::Campaign campaign;  ///< paused as it counts: by its source or held by the operator
    std::string source;
    bool source_paused = false;  ///< what the source says
    bool started = false;
    bool held = false;
  };

  /// Reads what is stored. What cannot be parsed (written by a later program) is left alone and not in force; `faults`
  /// says which: id, why.
  void load(Db& db, std::vector<std::pair<std::string, std::string>>* faults = nullptr);

  /// Highest priority first, then by id.
  const std::vector<Entry>& entries() const { return entries_; }
  std::vector<campaign::Campaign> all() const;

  Ledger::Applied apply(Context& context, const std::string& source, const std::vector<campaign::Campaign>& campaigns);
  /// What apply would answer when these are what is stored already; nullopt: something would be written. Reads only.
  std::optional<Ledger::Applied> unchanged(Db& db, const std::string& source,
                                           const std::vector<campaign::Campaign>& campaigns) const;
  Result<void> pause(Context& context, const std::string& id, bool paused);
  /// After its first draw, whatever its dates say.
  void mark_started(Context& context, const std::string& id);
  /// Marks those whose first day has come.
  void mark_begun(Context& context);

  /// True once after a change: a rollback must load() again.
  bool take_touched() { return std::exchange(touched_, false); }

 private:
  struct Stored {
    std::string id, source, json;
    bool started = false, active = false, held = false;
  };
  std::optional<Stored> stored(Db& db, const std::string& id) const;
  std::optional<std::string> store(Context& context, const std::string& source, const campaign::Campaign& campaign,
                                   bool& changed);
  void remove_missing(Context& context, const std::string& source, const std::vector<campaign::Campaign>& wanted);
  void touch(Db& db);

  std::vector<Entry> entries_;
  bool touched_ = false;
};

/// Why a started campaign may not become `next`; nullopt: pause, resume, a later end and more stock only.
std::optional<std::string> forbidden_change(const campaign::Campaign& started, const campaign::Campaign& next);

}  // namespace foyer::ledger
