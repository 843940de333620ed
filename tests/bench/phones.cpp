#include "phones.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "counting.hpp"

namespace foyer::bench {
namespace {

using nlohmann::json;

constexpr const char* kForm = "application/x-www-form-urlencoded";
constexpr const char* kJson = "application/json";

void expect(const Answer& answer, int status, std::string_view doing) {
  if (answer.status != status)
    throw std::runtime_error(
        fmt::format("{} was answered {}, not {}: {}", doing, answer.status, status, answer.body.substr(0, 200)));
}

/// Runs body(i) in `count` threads that begin together; throws the first fault.
template <class Body>
void together(std::size_t count, Body body) {
  std::barrier start(static_cast<std::ptrdiff_t>(count));
  std::mutex guard;  // of the fault
  std::exception_ptr fault;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i)
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        try {
          body(i);
        } catch (...) {
          const std::lock_guard lock(guard);
          if (!fault) fault = std::current_exception();
        }
      });
  }
  if (fault) std::rethrow_exception(fault);
}

/// A phone's captive portal probe: whatever it asks the internet on port 80 is led to the portal.
void probe(const Phone& phone) {
  Wire wire(phone, phone.host, 80);
  expect(wire.ask(request("GET", "/generate_204", "connectivitycheck.gstatic.com")), 302, "a probe");
}

void see_link(const Street& street, const Phone& phone) {
  Wire wire(phone, street.portal, street.port);
  expect(wire.ask(request("GET", street.link, street.portal)), 200, "the link");
}

/// Redeems the link; milliseconds from sending the form to the answer.
double admit(const Street& street, const Phone& phone) {
  const auto form = request("POST", street.link, street.portal, kForm, "consent=yes");
  Wire wire(phone, street.portal, street.port);
  const Watch watch;
  const auto answer = wire.ask(form);
  const double ms = watch.seconds() * 1e3;
  expect(answer, 303, "the form");
  return ms;
}

/// One shake: milliseconds from sending the nonce back to the answer.
double shake(const Street& street, const Phone& phone) {
  Wire wire(phone, street.portal, street.port);
  const auto opened = wire.ask(request("POST", "/v1/draws/open", street.portal, kJson, "{}"));
  expect(opened, 200, "opening a draw");
  const json order{{"nonce", json::parse(opened.body).at("nonce")}, {"mode", "shake"}};
  const auto draw = request("POST", "/v1/draws", street.portal, kJson, order.dump());
  const Watch watch;
  const auto answer = wire.ask(draw);
  const double ms = watch.seconds() * 1e3;
  expect(answer, 200, "a draw");
  if (json::parse(answer.body).at("result") == "denied") throw std::runtime_error("denied: " + answer.body);
  return ms;
}

}  // namespace

Figures first_hits(const Street& street) {
  constexpr std::size_t kAtOnce = 50;
  std::vector<double> slowest;
  for (std::size_t first = 0; first + kAtOnce <= street.phones.size(); first += kAtOnce) {
    std::vector<double> ms(kAtOnce);
    together(kAtOnce, [&](std::size_t i) {
      const Watch watch;
      probe(street.phones[first + i]);
      ms[i] = watch.seconds() * 1e3;
    });
    slowest.push_back(percentile(ms, 1));
  }
  return {{"first_hits_50_max_ms", percentile(slowest, 1), "ms", slowest.size() * kAtOnce,
           fmt::format("the slowest of 50 phones never seen before that probe at once, connect to 302: the worst of {} "
                       "such crowds (the median one's: {:.1f})",
                       slowest.size(), percentile(slowest, 0.5))}};
}

Figures admissions(const Street& street) {
  std::vector<double> ms;
  for (const auto& phone : street.phones) {
    see_link(street, phone);
    ms.push_back(admit(street, phone));
    Wire(phone, street.internet, street.internet_port);  // refused at once unless the kernel lets it out by now
  }
  const auto note = fmt::format(
      "one phone after the other; the form sent to 303 received, the session on the disk and "
      "the phone let out by the kernel; slowest {:.1f}",
      percentile(ms, 1));
  return {{"admission_p50_ms", percentile(ms, 0.5), "ms", ms.size(), note},
          {"admission_p99_ms", percentile(ms, 0.99), "ms", ms.size(), note}};
}

Figures redirects(const Street& street) {
  constexpr std::size_t kAtOnce = 64;
  constexpr std::uint64_t kConnections = 40'000;  // the fence takes 65,536 in any 8 s
  std::atomic<std::uint64_t> next{0};
  const Watch watch;
  together(kAtOnce, [&](std::size_t) {
    for (auto i = next++; i < kConnections; i = next++) probe(street.phones[i % street.phones.size()]);
  });
  return {{"redirects_per_s", static_cast<double>(kConnections) / watch.seconds(), "1/s", kConnections,
           fmt::format("a connection each, 302, closed; through the kernel's redirect and fence, {} at once, the load "
                       "on the same machine",
                       kAtOnce)}};
}

Figures draws(const Street& street) {
  const std::size_t phones = street.phones.size(), each = street.rate > 0 ? 50 : 150;
  for (const auto& phone : street.phones) admit(street, phone);
  std::vector<double> ms(phones * each);
  const auto begun = std::chrono::steady_clock::now();
  const std::chrono::duration<double> between(street.rate > 0 ? static_cast<double>(phones) / street.rate : 0);
  const Watch watch;
  together(phones, [&](std::size_t i) {
    // Paced phones begin one after the other, so that they do not come in waves.
    auto due = begun + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                           between * (static_cast<double>(i) / static_cast<double>(phones)));
    for (std::size_t k = 0; k < each; ++k) {
      std::this_thread::sleep_until(due);  // the pace is what is measured
      due += std::chrono::duration_cast<std::chrono::steady_clock::duration>(between);
      ms[i * each + k] = shake(street, street.phones[i]);
    }
  });
  const double rate = static_cast<double>(ms.size()) / watch.seconds();
  const auto p50 = percentile(ms, 0.5), p99 = percentile(ms, 0.99);
  if (street.rate > 0)
    return {
        {"draw_p99_ms", p99, "ms", ms.size(),
         fmt::format("{} phones, {:.0f} draws/s together, a connection a draw; the nonce sent to the answer, on the "
                     "disk; p50 {:.1f}",
                     phones, rate, p50)}};
  return {
      {"draws_per_s", rate, "draws/s", ms.size(),
       fmt::format("{} phones without a pause over HTTP, a connection a draw; every answer is on the disk; p50 {:.1f} "
                   "ms, p99 {:.1f} ms",
                   phones, p50, p99)}};
}

void sink(std::uint16_t port) {
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  if (::bind(listening, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || ::listen(listening, 128) != 0)
    throw std::runtime_error("sink: cannot listen");
  fmt::print("listening\n");
  std::fflush(stdout);
  for (;;)
    if (const int fd = ::accept(listening, nullptr, nullptr); fd >= 0) ::close(fd);
}

}  // namespace foyer::bench
