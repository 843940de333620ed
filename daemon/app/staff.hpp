#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <semaphore>
#include <string>

#include "base/crypto.hpp"
#include "base/mailbox.hpp"
#include "base/net.hpp"
#include "ledger/ledger.hpp"
#include "portal/services.hpp"
#include "ports/clock.hpp"

namespace foyer::app {

/// Who is logged in at /staff: in memory, so that a restart logs everybody out. Core thread.
class StaffSessions {
 public:
  static constexpr std::size_t kMost = 64;  ///< at once; the oldest goes first
  static constexpr std::chrono::hours kLife{12};

  void add(const std::string& token, const portal::StaffMember& who, const IpAddress& ip, MonoTime now);
  std::optional<portal::StaffMember> find(const std::string& token, const IpAddress& ip, MonoTime now);
  void end(const std::string& token);
  void end_all_of(const std::string& name);
  std::size_t size() const { return by_token_.size(); }

 private:
  struct Entry {
    portal::StaffMember who;
    IpAddress ip;
    MonoTime began{};
  };
  std::map<std::string, Entry> by_token_;  ///< by the SHA-256 of the token, so that a comparison tells nothing of it
};

/// Judges PINs. Any thread: the tries are counted by the ledger, the sessions are the core's.
class StaffDoor {
 public:
  StaffDoor(Mailbox& core, StaffSessions& sessions, ledger::Ledger& ledger, const ports::Clock& clock)
      : core_(core), sessions_(sessions), ledger_(ledger), clock_(clock) {}

  Result<portal::StaffEntry> enter(const IpAddress& ip, const std::string& name, const std::string& pin);
  Result<std::optional<portal::StaffMember>> member(const IpAddress& ip, const std::string& token);
  Result<void> leave(const std::string& token);

 private:
  static constexpr std::ptrdiff_t kAtOnce = 2;  ///< scrypt takes 16 MiB each; more are told to come again

  Mailbox& core_;
  StaffSessions& sessions_;  // touched only by what the core runs
  ledger::Ledger& ledger_;
  const ports::Clock& clock_;
  std::counting_semaphore<kAtOnce> judging_{kAtOnce};  // bounds memory; never waited for
};

}  // namespace foyer::app
