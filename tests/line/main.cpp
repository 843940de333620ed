// foyer-line: the durable half alone, ledger, pump and MQTT line of foyerd, for tests that kill it, cut its line and
// turn its clock. It is told what to do on standard input, a command a line, and says on standard output what happened:
//
//   store STREAM COUNT [BYTES]  events at once     rate STREAM N   events a second, 0 stops
//   wall OFFSET_MS              the wall clock is so far off     synchronised 0|1
//   status                                         quit
//
//   ready EPOCH · stored STREAM SEQ (committed up to there) · status JSON · log TEXT (each line foyerd would log)
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <atomic>
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "app/upstream.hpp"
#include "base/crypto.hpp"
#include "base/mailbox.hpp"
#include "drivers/mosquitto/mosquitto.hpp"
#include "drivers/systemd/loop.hpp"
#include "ledger/ledger.hpp"
#include "sync/downlink.hpp"

namespace {

using namespace foyer;
using namespace std::chrono_literals;
using drivers::systemd::Loop;

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

/// The system's clocks; the wall can be put wrong.
class TurnedClock final : public ports::Clock {
 public:
  MonoTime mono() const override { return real_->mono(); }
  WallTime wall() const override { return real_->wall() + std::chrono::milliseconds{offset_ms.load()}; }
  std::atomic<std::int64_t> offset_ms{0};

 private:
  std::unique_ptr<ports::Clock> real_ = drivers::systemd::make_clock();
};

struct Options {
  std::string database, acknowledge = "application", username;
  std::uint64_t max_size = 1ull << 30;
  std::int64_t sweep_ms = 60'000;
  std::int64_t wall = 0, puback_ms = 2'000, watermark_ms = 2'000, refused_ms = 200, backoff_max_ms = 500;
  std::size_t batch_rows = 500;
  bool offline = false;
  drivers::mosquitto::Settings line;
  drivers::mosquitto::Tls tls;
};

class House {
 public:
  House(Options options, Loop& loop)
      : options_(std::move(options)), loop_(loop), core_(100'000, [&loop] { loop.wake(); }) {
    clock_.offset_ms = options_.wall;
    loop_.on_wake([this] {
      core_.drain(256);
      if (core_.depth() > 0) loop_.wake();
    });
  }
  ~House() { close(); }

  bool open();
  void close() {
    core_.close();
    if (upstream_) upstream_->stop(1s);
    if (ledger_) ledger_->close();
  }
  Mailbox& core() { return core_; }
  void obey(const std::string& line);

 private:
  static std::optional<Stream> stream_of(std::istringstream& words) {
    std::string name;
    words >> name;
    return parse_stream(name);
  }
  void store(Stream stream, int count, std::size_t bytes = 100);
  void watch();
  std::string status() const;

  const Options options_;
  Loop& loop_;
  Mailbox core_;
  TurnedClock clock_;
  std::atomic<bool> synchronised_{false};
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<app::Upstream> upstream_;
  std::atomic<app::Upstream*> seen_{nullptr};
  std::array<int, 4> rates_{};
  std::vector<ports::TimerHandle> timers_;
  std::uint64_t number_ = 0;
};

bool House::open() {
  ledger::Settings settings;
  settings.path = options_.database;
  settings.max_bytes = options_.max_size;
  settings.sweep_every = std::chrono::milliseconds{options_.sweep_ms};
  settings.gateway = "gw-01";
  settings.store = "store-001";
  settings.holdout_key = Bytes(32, 7);
  settings.random = kernel_random;
  settings.wall = [this] { return clock_.wall(); };
  settings.mono = [this] { return clock_.mono(); };
  settings.boot_id = drivers::systemd::boot_id();
  settings.build_date = from_unix_ms(1'767'225'600'000);  // 2026-01-01
  settings.synchronised = [this] { return synchronised_.load(); };
  auto opened = ledger::Ledger::open(std::move(settings));
  if (!opened) return say("failed " + opened.error().message), false;
  ledger_ = std::move(*opened);
  ledger_->on_stored([this](const std::vector<StoredEvent>& events) {
    if (auto* upstream = seen_.load()) upstream->note(events);
    std::map<Stream, std::uint64_t> upto;
    for (const auto& event : events) upto[event.event.stream] = event.seq;
    for (const auto& [stream, seq] : upto) say(fmt::format("stored {} {}", to_string(stream), seq));
    [[maybe_unused]] const bool told = core_.try_post([this] {
      if (upstream_) upstream_->look();
    });
  });
  sync::Settings sync;
  sync.identity = {"acme", "store-001", "gw-01", ledger_->epoch()};
  sync.acknowledge = options_.acknowledge == "broker" ? sync::Acknowledge::broker : sync::Acknowledge::application;
  sync.puback_timeout = std::chrono::milliseconds{options_.puback_ms};
  sync.watermark_timeout = std::chrono::milliseconds{options_.watermark_ms};
  sync.refused_delay = std::chrono::milliseconds{options_.refused_ms};
  sync.max_batch_rows = options_.batch_rows;
  auto line = options_.line;
  line.subscriptions = sync::subscriptions(sync.identity);
  line.will_topic = sync.identity.base() + "/state";
  line.will_payload = R"({"online":false})";
  if (!options_.offline) {
    upstream_ = std::make_unique<app::Upstream>(sync, *ledger_, drivers::mosquitto::make_publisher(std::move(line)),
                                                core_, clock_, loop_);
    upstream_->on_behind([this] {
      say("behind");
      loop_.quit(1);
    });
    if (auto started = upstream_->start(); !started) return say("failed " + started.error().message), false;
    seen_ = upstream_.get();
  }
  timers_.push_back(loop_.every(20ms, [this] { watch(); }));
  say("ready " + ledger_->epoch());
  return true;
}

void House::store(Stream stream, int count, std::size_t bytes) {
  static const std::array<std::string, 4> kTypes{"", "sale.recorded", "presence.entered", "radio.degraded"};
  constexpr int kAtOnce = 500;
  while (count > 0) {
    std::vector<Event> events;
    for (int i = std::min(count, kAtOnce); i > 0; --i)
      events.push_back({stream, kTypes[static_cast<std::size_t>(stream)], "",
                        fmt::format(R"({{"n":{},"x":"{}"}})", ++number_, std::string(bytes, 'x'))});
    count -= static_cast<int>(events.size());
    if (!ledger_->record(std::move(events))) say("refused");
  }
}

void House::watch() {
  for (const auto stream : kStreams)
    if (const int rate = rates_[static_cast<std::size_t>(stream)]; rate > 0) store(stream, std::max(1, rate / 50));
  if (ledger_->figures().broken) {
    say("broken");
    return loop_.quit(1);
  }
  if (!upstream_) return;
  upstream_->look();
}

std::string House::status() const {
  const auto status = upstream_ ? upstream_->status() : sync::UplinkStatus{};
  const auto streams = ledger_->streams(10s);
  std::string text = fmt::format(R"({{"connected":{},"window":{},"backlog_window":{},"synced":{},"streams":{{)",
                                 status.connected, status.window, status.backlog_window, synchronised_.load());
  for (const auto stream : kStreams) {
    const auto sent = status.streams.contains(stream) ? status.streams.at(stream) : sync::UplinkStatus::PerStream{};
    const auto& state = streams->at(stream);
    text +=
        fmt::format(R"({}"{}":{{"rows":{},"last":{},"acked":{},"sent":{},"in_flight":{},"resent":{},"refused":{}}})",
                    stream == kStreams.front() ? "" : ",", to_string(stream), state.rows, state.last_seq, state.acked,
                    sent.sent, sent.in_flight, sent.resent, sent.refused);
  }
  const auto figures = ledger_->figures();
  return text +
         fmt::format(R"(}},"wal_bytes":{},"slowest_commit_us":{}}})", figures.wal_bytes, figures.slowest_commit_us);
}

void House::obey(const std::string& line) {
  std::istringstream words(line);
  std::string what;
  words >> what;
  std::int64_t number = 0;
  if (what == "store") {
    const auto stream = stream_of(words);
    int count = 0;
    std::size_t bytes = 100;
    words >> count;
    words >> bytes;
    if (stream) store(*stream, count, bytes == 0 ? 100 : bytes);
  } else if (what == "rate") {
    const auto stream = stream_of(words);
    words >> number;
    if (stream) rates_[static_cast<std::size_t>(*stream)] = static_cast<int>(number);
  } else if (what == "wall") {
    words >> number;
    clock_.offset_ms = number;
  } else if (what == "synchronised") {
    words >> number;
    synchronised_ = number != 0;
  } else if (what == "status") {
    say("status " + status());
  } else if (what == "quit") {
    loop_.quit(0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"the durable half of foyerd, for tests"};
  Options options;
  auto& line = options.line;
  line.host = "127.0.0.1";
  line.client_id = "gw-01";
  std::int64_t session = 0, look_ms = 5'000, keepalive = 30;
  bool tls = false;
  cli.add_option("--database", options.database)->required();
  cli.add_option("--port", line.port);
  cli.add_option("--acknowledge", options.acknowledge);
  cli.add_option("--max-size", options.max_size);
  cli.add_option("--wall", options.wall);
  cli.add_option("--sweep-ms", options.sweep_ms);
  cli.add_option("--puback-ms", options.puback_ms);
  cli.add_option("--watermark-ms", options.watermark_ms);
  cli.add_option("--backoff-max-ms", options.backoff_max_ms);
  cli.add_option("--batch-rows", options.batch_rows);
  cli.add_option("--session", session);
  cli.add_option("--keepalive", keepalive);
  cli.add_option("--look-ms", look_ms);
  cli.add_option("--username", line.username);
  cli.add_option("--password", line.password);
  cli.add_flag("--offline", options.offline);
  cli.add_flag("--tls", tls);
  cli.add_option("--ca", options.tls.ca);
  cli.add_option("--certificate", options.tls.certificate);
  cli.add_option("--key", options.tls.key);
  CLI11_PARSE(cli, argc, argv);
  spdlog::set_pattern("log %v");
  line.backoff_min = 10ms;
  line.backoff_max = std::chrono::milliseconds{options.backoff_max_ms};
  line.keepalive = std::chrono::seconds{keepalive};
  line.session_expiry = std::chrono::seconds{session};
  line.look_at_files = std::chrono::milliseconds{look_ms};
  if (tls) {
    line.tls = options.tls;
    for (const auto& file : {options.tls.ca, options.tls.certificate, options.tls.key})
      if (!file.empty()) line.files.push_back(file);
  }
  auto loop = Loop::make();
  if (!loop) return 1;
  House house(options, **loop);
  if (!house.open()) return 1;
  // Blocked in a read it ends with the process: nothing of it is joined.
  std::thread([&house] {
    for (std::string text; std::getline(std::cin, text);)
      if (!house.core().try_post([&house, text] { house.obey(text); })) return;
    (void)house.core().try_post([&house] { house.obey("quit"); });
  }).detach();
  const int status = (*loop)->run();
  house.close();
  std::_Exit(status);
}
