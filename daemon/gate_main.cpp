// foyer-gate: the one process with CAP_NET_ADMIN. It lays the rules of table `inet foyer` and opens and shuts the way
// out for guests, as foyerd asks over a unix socket. A clean stop, and a crash, leave the table and its guests.
#include <pwd.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>

#include "drivers/nftables/kernel/server.hpp"
#include "version.hpp"

namespace {

namespace kernel = foyer::drivers::nftables::kernel;
using foyer::Result;

Result<uid_t> uid_of(const std::string& user) {
  if (const passwd* entry = ::getpwnam(user.c_str()); entry != nullptr) return entry->pw_uid;
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(user.data(), user.data() + user.size(), uid);
  if (error == std::errc{} && end == user.data() + user.size()) return uid;
  return foyer::fail(foyer::Code::refuse, "--uid {}: no such user, and not a number", user);
}

Result<void> serve(const std::string& socket, const std::string& user) {
  const auto uid = uid_of(user);
  if (!uid) return foyer::fail(uid);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int stop = ::signalfd(-1, &signals, SFD_CLOEXEC);
  kernel::Server server(socket, *uid);
  if (auto listens = server.listen(); !listens) return listens;
  ::sd_notify(0, "READY=1");
  return server.run(stop);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("foyer-gate: keeps foyer's firewall table; the only part of foyer with CAP_NET_ADMIN");
  std::string socket = "/run/foyer-gate/gate.sock", user = "foyer";
  bool remove = false, laid = false;
  app.add_option("--socket", socket, "where foyerd asks")->capture_default_str();
  app.add_option("--uid", user, "the user foyerd runs as, by name or number")->capture_default_str();
  app.add_flag("--remove", remove, "take the table and every guest away, and end");
  app.add_flag("--laid", laid, "say by the exit status whether the rules are in force, and end");
  app.set_version_flag("--version", std::string("foyer-gate ") + foyer::kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  const auto done = remove ? kernel::Table::take_away() : laid ? kernel::Table::is_laid() : serve(socket, user);
  if (!done) fmt::print(stderr, "<3>foyer-gate: {}\n", done.error().message);
  return done ? 0 : 1;
}
