#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <sys/timex.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>

#include <cstdlib>
#include <ctime>

#include "drivers/systemd/loop.hpp"

namespace foyer::drivers::systemd {

namespace {

class SystemClock final : public ports::Clock {
 public:
  MonoTime mono() const override {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return MonoTime{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
  }
  WallTime wall() const override {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return WallTime{std::chrono::seconds{now.tv_sec}} + std::chrono::milliseconds{now.tv_nsec / 1'000'000};
  }
};

}  // namespace

std::unique_ptr<ports::Clock> make_clock() { return std::make_unique<SystemClock>(); }

bool clock_synchronised() {
  timex kernel{};
  if (adjtimex(&kernel) == TIME_ERROR || (kernel.status & STA_UNSYNC) != 0) return false;
  // Whoever shows us another time than the kernel's does not show us the synchronised one.
  const auto shown = SystemClock().wall().time_since_epoch();
  return std::chrono::abs(shown - std::chrono::seconds{kernel.time.tv_sec}) < std::chrono::seconds{5};
}

void notify(const std::string& state) { sd_notify(0, state.c_str()); }

void set_up_log(const std::string& name, const std::string& level) {
  spdlog::sink_ptr sink;
  // $JOURNAL_STREAM: systemd.exec(5), set when standard error goes to the journal.
  if (std::getenv("JOURNAL_STREAM") != nullptr)
    sink = std::make_shared<spdlog::sinks::systemd_sink_mt>(name);
  else
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto log = std::make_shared<spdlog::logger>(name, std::move(sink));
  log->set_level(spdlog::level::from_str(level));
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  spdlog::set_default_logger(std::move(log));
}

std::string boot_id() {
  sd_id128_t id{};
  if (sd_id128_get_boot(&id) < 0) return "unknown";
  char text[SD_ID128_STRING_MAX];
  return sd_id128_to_string(id, text);
}

}  // namespace foyer::drivers::systemd
