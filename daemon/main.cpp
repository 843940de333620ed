// foyerd: the composition root, and the only file of foyerd that names drivers.
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <array>
#include <bit>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "app/app.hpp"
#include "base/crypto.hpp"
#include "campaign/cautions.hpp"
#include "config/campaign_files.hpp"
#include "config/config.hpp"
#include "drivers/bluez/bluez.hpp"
#include "drivers/hostapd/hostapd.hpp"
#include "drivers/httplib/httplib_server.hpp"
#include "drivers/mosquitto/mosquitto.hpp"
#include "drivers/neighbour/neighbour.hpp"
#include "drivers/nftables/bluetooth.hpp"
#include "drivers/nftables/nftables.hpp"
#include "drivers/sim/gate.hpp"
#include "drivers/sim/sim_radio.hpp"
#include "drivers/sim/stations.hpp"
#include "drivers/systemd/loop.hpp"
#include "sync/downlink.hpp"
#include "version.hpp"

namespace {

using namespace foyer;
using config::Config;
using drivers::systemd::Loop;

constexpr std::chrono::hours kDownlinkKept{7 * 24};  // by the broker, for a gateway that is away (docs/mqtt.md)
constexpr int kConfigurationFault = 78;              // sysexits.h EX_CONFIG

bool print_faults(const Faults& faults) {
  for (const auto& fault : faults) fmt::print(stderr, "{}\n", to_string(fault));
  return faults.empty();
}

tl::expected<drivers::sim::Scenario, Faults> scenario_of(const Config& config) {
  if (config.radio.driver != config::RadioDriver::sim || config.radio.scenario.empty()) return drivers::sim::Scenario{};
  return drivers::sim::read_scenario(config.radio.scenario);
}

int check_config(const std::vector<std::string>& files) {
  bool good = true;
  for (const auto& file : files) {
    const auto config = config::read_config(file);
    if (!config) {
      good = print_faults(config.error()) && good;
    } else if (const auto scenario = scenario_of(*config); !scenario) {
      good = print_faults(scenario.error()) && good;
    } else if (const auto campaigns = config::read_campaigns(config->campaigns, config->promotions.ceilings);
               !campaigns) {
      good = print_faults(campaigns.error()) && good;
    } else {
      for (const auto& one : *campaigns)
        for (const auto& caution : campaign::cautions(one)) fmt::print(stderr, "note: {}\n", caution);
    }
  }
  return good ? 0 : kConfigurationFault;
}

std::uint64_t random_number() {
  std::array<std::uint8_t, 8> raw{};
  kernel_random(raw);
  return std::bit_cast<std::uint64_t>(raw);
}

/// The shortest silence that ends a visit.
std::chrono::milliseconds shortest_exit(const Config& config) {
  std::chrono::milliseconds shortest = config::Zone{}.exit_after;
  for (const auto& zone : config.zones) {
    shortest = std::min(shortest, zone.exit_after);
    if (config.radio.mode != config::ScanMode::off && zone.exit_after < drivers::bluez::kShortestExit)
      spdlog::warn("zone {}: exit_after is below {} s: a radio that falls silent may end a visit before that is known",
                   zone.id, drivers::bluez::kShortestExit.count());
  }
  return shortest;
}

tl::expected<std::unique_ptr<ports::Radio>, Faults> make_radio(const Config& config, Loop& loop,
                                                               const ports::Clock& clock, ports::Bluetooth& helper) {
  if (config.radio.driver == config::RadioDriver::sim) {
    auto scenario = scenario_of(config);
    if (!scenario) return tl::make_unexpected(scenario.error());
    return drivers::sim::make_radio(std::move(*scenario), loop, clock,
                                    static_cast<std::uint64_t>(unix_ms(clock.wall())));
  }
  using Mode = drivers::bluez::Settings::Mode;
  drivers::bluez::Settings settings;
  settings.adapter = config.radio.adapter;
  settings.rssi_floor = config.radio.rssi_floor;
  switch (config.radio.mode) {
    case config::ScanMode::automatic: settings.mode = Mode::automatic; break;
    case config::ScanMode::active: settings.mode = Mode::active; break;
    case config::ScanMode::passive: settings.mode = Mode::passive; break;
    case config::ScanMode::off: settings.mode = Mode::off; break;
  }
  settings.tap = config.radio.tap;
  settings.pace = drivers::bluez::pace_within(shortest_exit(config));
  return drivers::bluez::make_radio(settings, {loop, loop, clock, &helper, random_number});
}

/// Where our ends of unix sockets may lie: beside our own control socket.
std::string own_directory(const Config& config) {
  return std::filesystem::path(config.admin.socket).parent_path().string();
}

void make_wifi(const Config& config, Loop& loop, const ports::Clock& clock, app::Parts& parts) {
  if (config.wifi.gate == config::GateDriver::sim) {
    parts.gate = drivers::sim::make_gate(clock);
    parts.stations = drivers::sim::make_stations();
  } else if (config.wifi.gate == config::GateDriver::nftables) {
    parts.gate = drivers::nftables::make_gate({config.wifi.gate_socket}, loop, loop);
    parts.stations = drivers::neighbour::make_stations({config.wifi.interface}, loop);
    if (!config.wifi.hostapd.empty())
      parts.stations = drivers::hostapd::make_stations({config.wifi.hostapd, own_directory(config)},
                                                       std::move(parts.stations), loop, loop);
  }
}

Result<std::unique_ptr<ports::Publisher>> make_publisher(const Config& config, const config::Upstream& upstream) {
  drivers::mosquitto::Settings settings;
  settings.host = upstream.host;
  settings.port = upstream.port;
  settings.client_id = fmt::format("foyer-{}-{}-{}", config.gateway.tenant, config.gateway.store, config.gateway.id);
  settings.username = upstream.username;
  settings.keepalive = upstream.keepalive;
  if (upstream.tls) settings.tls = drivers::mosquitto::Tls{upstream.ca, upstream.certificate, upstream.key};
  if (!upstream.password_file.empty()) {
    settings.read_password = [file = upstream.password_file] { return config::read_secret(file); };
    if (const auto password = settings.read_password(); !password) return fail(password);
  }
  for (const auto& file : {upstream.ca, upstream.certificate, upstream.key, upstream.password_file})
    if (!file.empty()) settings.files.push_back(file);
  settings.session_expiry = kDownlinkKept;
  const sync::Identity identity{config.gateway.tenant, config.gateway.store, config.gateway.id, ""};
  settings.will_topic = identity.base() + "/state";
  settings.will_payload = R"({"online":false})";
  settings.subscriptions = sync::subscriptions(identity);
  settings.random = kernel_random;
  return drivers::mosquitto::make_publisher(std::move(settings));
}

int run(const std::string& path, const std::string& level) {
  drivers::systemd::set_up_log("foyerd", level);
  std::signal(SIGPIPE, SIG_IGN);  // a phone that hangs up is an error of write(2), not our end
  auto config = config::read_config(path);
  if (!config) return print_faults(config.error()), kConfigurationFault;

  auto loop = Loop::make();
  if (!loop) return spdlog::critical("{}", loop.error().message), 1;
  auto& core_loop = **loop;
  const auto clock = drivers::systemd::make_clock();
  Mailbox core(8192, [&core_loop] { core_loop.wake(); });
  core_loop.on_wake([&core, &core_loop] {
    core.drain(256);  // then radio and timers get their turn
    if (core.depth() > 0) core_loop.wake();
  });

  app::Parts parts{*clock, core_loop, core, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
  const auto bluetooth = drivers::nftables::make_bluetooth(config->wifi.gate_socket, core_loop, core_loop);
  auto radio = make_radio(*config, core_loop, *clock, *bluetooth);
  if (!radio) return print_faults(radio.error()), kConfigurationFault;
  parts.radio = std::move(*radio);
  make_wifi(*config, core_loop, *clock, parts);
  parts.guest_http = drivers::httplib::make_server();
  parts.admin_http = drivers::httplib::make_server();
  parts.control = drivers::httplib::make_server();
  if (config->portal.https) parts.guest_https = drivers::httplib::make_server();

  const app::Surroundings surroundings{path,
                                       drivers::systemd::boot_id(),
                                       kVersion,
                                       from_unix_ms(kBuildEpoch * 1000),
                                       &drivers::systemd::clock_synchronised,
                                       [&core_loop](int status) { core_loop.quit(status); }};
  app::App app(*config, std::move(parts), surroundings,
               [config = *config](const config::Upstream& upstream) { return make_publisher(config, upstream); });
  for (const int signal : {SIGTERM, SIGINT})
    if (auto on = core_loop.on_signal(signal, [&core_loop] { core_loop.quit(0); }); !on) return 1;
  if (auto on = core_loop.on_signal(SIGHUP, [&app] { app.reload(); }); !on) return 1;

  if (auto started = app.start(); !started) {
    spdlog::critical("{}", started.error().message);
    app.stop();
    return started.error().code == Code::refuse ? kConfigurationFault : 1;
  }
  drivers::systemd::notify("READY=1");
  spdlog::info("foyerd {} ready: guests on port {}, admin on port {}", kVersion, app.guest_port(), app.admin_port());
  const auto headline =
      core_loop.every(std::chrono::seconds{10}, [&app] { drivers::systemd::notify("STATUS=" + app.headline()); });
  const int status = core_loop.run();
  drivers::systemd::notify("STOPPING=1");
  app.stop();
  spdlog::info("foyerd stopped");
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"foyerd: the shop's entrance to the net"};
  cli.set_version_flag("--version", foyer::kVersion);
  cli.require_subcommand(1);
  std::string path = "/etc/foyer/foyer.yaml", level = "info";
  auto* run_command = cli.add_subcommand("run", "Run the gateway");
  run_command->add_option("--config", path, "The configuration file")->capture_default_str();
  run_command->add_option("--log", level, "Log level")
      ->check(CLI::IsMember({"debug", "info", "warn", "err"}))
      ->capture_default_str();
  std::vector<std::string> files;
  auto* check = cli.add_subcommand("check-config", "Name every fault of configuration files");
  check->add_option("FILE", files, "Files to check")->required();
  try {
    cli.parse(argc, argv);
    return check->parsed() ? check_config(files) : run(path, level);
  } catch (const CLI::ParseError& error) {
    return cli.exit(error) == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "foyerd: {}\n", error.what());
    return 1;
  }
}
