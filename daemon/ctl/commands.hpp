#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

#include "ctl/ctl.hpp"

/// The commands of foyerctl, a file each subject: every add_… hangs its subcommands into the command line. What a
/// subcommand is given lives as long as its callback; the exit status goes to Shell::status.
namespace foyer::ctl {

struct Shell {
  CLI::App& cli;
  std::string socket = "/run/foyer/control.sock";
  bool json = false;
  int status = 0;

  Ctl ctl() const { return {socket, json}; }
  /// A subcommand that runs `run` and ends with the status it returns.
  CLI::App* command(CLI::App& parent, const char* name, const char* help, std::function<int()> run) {
    auto* sub = parent.add_subcommand(name, help);
    sub->callback([this, run = std::move(run)] { status = run(); });
    return sub;
  }
};

void add_house(Shell& shell);      ///< status, events, outbox
void add_radio(Shell& shell);      ///< radio, presence
void add_campaigns(Shell& shell);  ///< campaign, stats
void add_segments(Shell& shell);   ///< segments
void add_wifi(Shell& shell);       ///< clients, admit, remove
void add_tokens(Shell& shell);     ///< token
void add_qr(Shell& shell);         ///< qr
void add_coupons(Shell& shell);    ///< coupon, redeem
void add_staff(Shell& shell);      ///< staff
void add_privacy(Shell& shell);    ///< export, erase
void add_offline(Shell& shell);    ///< decode, render: need no daemon

}  // namespace foyer::ctl
