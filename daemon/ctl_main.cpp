// foyerctl: the operator's command. Talks HTTP to foyerd over its control socket; some commands need no daemon.
#include <fmt/format.h>

#include "ctl/commands.hpp"
#include "version.hpp"

int main(int argc, char** argv) {
  using namespace foyer;
  CLI::App cli{"foyerctl: look at and steer a foyer gateway"};
  cli.set_version_flag("--version", kVersion);
  cli.require_subcommand(1);
  ctl::Shell shell{cli};
  cli.add_option("--socket", shell.socket, "foyerd's control socket")->capture_default_str();
  cli.add_flag("--json", shell.json, "Print what foyerd answered");
  cli.fallthrough();
  ctl::add_house(shell);
  ctl::add_radio(shell);
  ctl::add_wifi(shell);
  ctl::add_campaigns(shell);
  ctl::add_tokens(shell);
  ctl::add_qr(shell);
  ctl::add_coupons(shell);
  ctl::add_staff(shell);
  ctl::add_segments(shell);
  ctl::add_privacy(shell);
  ctl::add_offline(shell);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    return ctl::complain(error.what());
  }
  return shell.status;
}
