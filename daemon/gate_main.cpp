// foyer-gate: the one process with CAP_NET_ADMIN. It lays the rules of table `inet foyer` and opens and shuts the way
// out for guests, as foyerd asks over a unix socket. A clean stop, and a crash, leave the table and its guests.
#include <pwd.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>

#include "drivers/nftables/kernel/server.hpp"
#include "version.hpp"

namespace {

namespace kernel = foyer::drivers::nftables::kernel;
using foyer::Code;
using foyer::Result;

int complain(const foyer::Error& error) {
  fmt::print(stderr, "<3>foyer-gate: {}\n", error.message);
  return 1;
}

Result<uid_t> uid_of(const std::string& user) {
  if (const passwd* entry = ::getpwnam(user.c_str()); entry != nullptr) return entry->pw_uid;
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(user.data(), user.data() + user.size(), uid);
  if (error == std::errc{} && end == user.data() + user.size()) return uid;
  return foyer::fail(Code::refuse, "--uid {}: no such user, and not a number", user);
}

int take_away() {
  auto table = kernel::Table::open();
  if (!table) return complain(table.error());
  if (auto gone = table->take_away(); !gone) return complain(gone.error());
  return 0;
}

int serve(const kernel::ServerSettings& settings) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int stop = ::signalfd(-1, &signals, SFD_CLOEXEC);
  auto table = kernel::Table::open();
  if (!table) return complain(table.error());
  kernel::Server server(std::move(*table));
  if (auto listens = server.listen(settings); !listens) return complain(listens.error());
  ::sd_notify(0, "READY=1");
  auto ended = server.run(stop);
  ::sd_notify(0, "STOPPING=1");
  return ended ? 0 : complain(ended.error());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("foyer-gate: keeps foyer's firewall table; the only part of foyer with CAP_NET_ADMIN");
  std::string socket = "/run/foyer-gate/gate.sock", user = "foyer";
  bool remove = false;
  app.add_option("--socket", socket, "where foyerd asks")->capture_default_str();
  app.add_option("--uid", user, "the user foyerd runs as, by name or number")->capture_default_str();
  app.add_flag("--remove", remove, "take the table and every guest away, and end");
  app.set_version_flag("--version", std::string("foyer-gate ") + foyer::kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }

  if (remove) return take_away();
  auto uid = uid_of(user);
  if (!uid) return complain(uid.error());
  return serve({socket, *uid});
}
