#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>

#include "counting.hpp"
#include "figure.hpp"
#include "ledger/ledger.hpp"
#include "ledger/sqlite.hpp"

namespace foyer::bench {
namespace {

using namespace std::chrono_literals;
using ledger::Ledger;

constexpr auto kDeadline = 60s;
constexpr std::uint64_t kMany = 1'000'000, kFew = 2'000;
constexpr std::uint64_t kRedeemed = 2'000;  // of each

template <class T>
T good(Result<T> result) {
  if (!result) throw std::runtime_error("ledger: " + result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The code of the n-th coupon: what make_code makes of the number's digits in base 32.
std::string code_of(std::uint64_t n) {
  return campaign::make_code([n](std::span<std::uint8_t> out) {
    auto rest = n;
    for (auto& byte : out) {
      byte = static_cast<std::uint8_t>(rest % 32);
      rest /= 32;
    }
  });
}

ledger::Settings settings_for(const std::string& path) {
  ledger::Settings settings;
  settings.path = path;
  settings.max_bytes = 8ull << 30;
  settings.gateway = "gw-01";
  settings.store = "store-001";
  settings.holdout_key = Bytes(32, 7);
  settings.random = kernel_random;
  settings.wall = [] { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); };
  settings.mono = [] {
    return MonoTime{std::chrono::duration_cast<Mono::duration>(std::chrono::steady_clock::now().time_since_epoch())};
  };
  settings.boot_id = "bench";
  settings.sweep_every = 50ms;
  return settings;
}

/// A ledger with so many issued coupons, each of a subject of its own, and as many answers that a till got in the last
/// week; a sweep, which looks for those that are over, is due all the time.
class Shop {
 public:
  Shop(const std::string& folder, std::uint64_t coupons) : dir_(fmt::format("{}/till-{}", folder, coupons)) {
    std::filesystem::create_directory(dir_);
    const auto path = dir_ + "/foyer.db";
    good(Ledger::open(settings_for(path)))->close();
    fill(path, coupons);
    ledger_ = good(Ledger::open(settings_for(path)));
  }
  ~Shop() {
    ledger_.reset();
    std::filesystem::remove_all(dir_);
  }
  Shop(const Shop&) = delete;
  Shop& operator=(const Shop&) = delete;

  double redeem(std::uint64_t n) {
    campaign::TillRequest request;
    request.action = campaign::TillAction::redeem;
    request.code = code_of(n);
    request.idempotency_key = fmt::format("till:{}", n);
    const Watch watch;
    const auto answer = good(ledger_->till(request, kDeadline));
    if (answer.refused) throw std::runtime_error("a redemption was refused");
    return watch.seconds() * 1000;
  }

 private:
  static void fill(const std::string& path, std::uint64_t coupons) {
    ledger::Db db(path, ledger::Db::Mode::read_write, "");
    const auto now = unix_ms(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
    db.execute("PRAGMA cache_size = -500000");  // KiB: codes come in no order
    db.execute("BEGIN IMMEDIATE");
    for (std::uint64_t n = 0; n < coupons; ++n)
      db.query(
            "INSERT INTO coupon (id, code, campaign, prize, subject, state, uses, uses_left, interval_s, last_used_ms, "
            "issued_ms, expires_ms, title, benefit, redeem_at) VALUES (?1,?2,'lunch','ten-off',?3,'issued',1,1,0,0,?4,"
            "?5,'{}','{\"kind\":\"amount_off\",\"amount\":{\"minor\":1000,\"currency\":\"CNY\"}}','[\"store-001\"]')")
          .bind(
              fmt::format("{:08x}{:024x}", now / 1000 - static_cast<std::int64_t>((coupons - n) / 10), n * 2654435761u),
              code_of(n), fmt::format("subject-{:012x}", n), now, now + 86'400'000ll * 30)
          .run();
    for (std::uint64_t n = 0; n < coupons; ++n)
      db.query("INSERT INTO till_answer (key, request, at_ms, answer) VALUES (?, zeroblob(16), ?, ?)")
          .bind(fmt::format("old:{:08x}", n), now - static_cast<std::int64_t>(n % 600'000'000), kAnswer)
          .run();
    db.execute("COMMIT");
  }

  /// As long as one is, with its coupon.
  static constexpr const char* kAnswer =
      R"({"coupon":{"benefit":{"amount":{"currency":"CNY","minor":1000},"kind":"amount_off"},"campaign":"lunch",)"
      R"("code":"0123456789A","expires":1,"id":"0123456789abcdef0123456789abcdef","issued":1,"prize":"ten-off",)"
      R"("redeem_at":["store-001"],"reservation":"","reserved_until":0,"starts":0,"state":"redeemed","title":{},)"
      R"("uses_left":0}})";

  const std::string dir_;
  std::unique_ptr<Ledger> ledger_;
};

}  // namespace

/// One redemption in the one shop, then one in the other: what else the machine does meets both.
Figures redeeming(const std::string& folder) {
  Shop few(folder, kFew), many(folder, kMany);
  std::vector<double> small, large;
  for (std::uint64_t i = 0; i < kRedeemed; ++i) {
    small.push_back(few.redeem(i));
    large.push_back(many.redeem(i * (kMany / kRedeemed)));
  }
  const auto p99_small = percentile(small, 0.99), p99_large = percentile(large, 0.99);
  return {{"redeem_1m_p99_ratio", p99_large / p99_small, "x", 2 * kRedeemed,
           fmt::format("p99 of a durable redemption with 1,000,000 coupons and till answers and a sweep every 50 ms "
                       "{:.2f} ms, with {} {:.2f} ms; "
                       "p50 {:.2f} and {:.2f} ms",
                       p99_large, kFew, p99_small, percentile(large, 0.5), percentile(small, 0.5))}};
}

}  // namespace foyer::bench
