#include "ledger/ledger.hpp"

#include <algorithm>

#include "ledger/audience.hpp"
#include "ledger/coupons.hpp"
#include "ledger/draws.hpp"
#include "ledger/offers.hpp"
#include "ledger/orders.hpp"
#include "ledger/sessions.hpp"
#include "ledger/till.hpp"
#include "ledger/writer.hpp"

namespace foyer::ledger {

class Ledger::Impl : public Writer {
  using Writer::Writer;
};

Ledger::Ledger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Ledger::~Ledger() = default;

Result<std::unique_ptr<Ledger>> Ledger::open(Settings settings) {
  auto zone = campaign::ZoneTime::load(settings.timezone);
  if (!zone) return fail(Code::fatal, "open ledger: {}", zone.error().message);
  auto storage = open_storage(settings);
  if (!storage) return fail(std::move(storage).context("open ledger"));
  try {
    auto impl = std::make_unique<Impl>(std::move(settings), std::move(*storage), std::move(*zone));
    impl->start();
    return std::unique_ptr<Ledger>(new Ledger(std::move(impl)));
  } catch (const SqlError& error) {
    return fail(Code::fatal, "open ledger: {}", error.what());
  }
}

const Opened& Ledger::opened() const { return impl_->opened(); }
const std::string& Ledger::epoch() const { return impl_->epoch(); }
std::uint64_t Ledger::boot_seq() const { return impl_->boot_seq(); }

// ---- commands ------------------------------------------------------------------------------------------------

namespace {
constexpr bool kDecision = true;  // refused while the storage is full
constexpr bool kAlways = false;   // makes room or hardly takes any
}  // namespace

Result<campaign::DrawAnswer> Ledger::draw(const campaign::DrawCommand& command, Deadline deadline) {
  return impl_->command<campaign::DrawAnswer>(
      deadline, kDecision, [command](Context& c) -> Result<campaign::DrawAnswer> { return ledger::draw(c, command); });
}

Result<campaign::TriggerAnswer> Ledger::happen(const campaign::TriggerCommand& command, Deadline deadline) {
  return impl_->command<campaign::TriggerAnswer>(
      deadline, kDecision,
      [command](Context& c) -> Result<campaign::TriggerAnswer> { return ledger::happen(c, command); });
}

Result<campaign::AdmitAnswer> Ledger::admit(const campaign::AdmitCommand& command, Deadline deadline) {
  return impl_->command<campaign::AdmitAnswer>(
      deadline, kDecision,
      [command](Context& c) -> Result<campaign::AdmitAnswer> { return ledger::admit(c, command); });
}

Result<void> Ledger::end_session(const campaign::SessionEnd& end, Deadline deadline) {
  return impl_->command<void>(deadline, kAlways, [end](Context& c) -> Result<void> {
    ledger::end_session(c, end);
    return {};
  });
}

Result<campaign::TillAnswer> Ledger::redeem(const campaign::TillRequest& request, Deadline deadline) {
  return impl_->command<campaign::TillAnswer>(
      deadline, kDecision,
      [request](Context& c) -> Result<campaign::TillAnswer> { return ledger::redeem(c, request); });
}

Result<campaign::TillAnswer> Ledger::check(const campaign::TillRequest& request, Deadline deadline) {
  return impl_->question<campaign::TillAnswer>(deadline, [this, request] {
    return ledger::check(impl_->db(), impl_->settings(), impl_->settings().wall(), request);
  });
}

Result<campaign::TillAnswer> Ledger::void_coupon(const std::string& code, const std::string& why, Deadline deadline) {
  return impl_->command<campaign::TillAnswer>(
      deadline, kAlways,
      [code, why](Context& c) -> Result<campaign::TillAnswer> { return ledger::void_coupon(c, code, why); });
}

Result<Ledger::Applied> Ledger::apply_campaigns(const std::string& source, std::vector<campaign::Campaign> campaigns,
                                                Deadline deadline) {
  const auto until = impl_->settings().mono() + deadline;
  const auto same = impl_->question<std::optional<Applied>>(
      deadline, [this, source, campaigns] { return impl_->campaigns().unchanged(impl_->db(), source, campaigns); });
  if (!same) return fail(same);
  if (*same) return **same;
  const auto left = std::chrono::ceil<Deadline>(until - impl_->settings().mono());
  return impl_->command<Applied>(std::max(left, Deadline::zero()), kDecision,
                                 [source, campaigns = std::move(campaigns)](Context& c) -> Result<Applied> {
                                   return c.campaigns.apply(c, source, campaigns);
                                 });
}

Result<void> Ledger::use_offer_rules(const campaign::OfferRules& rules, Deadline deadline) {
  return impl_->question<void>(deadline, [this, rules]() -> Result<void> {
    impl_->campaigns().use(rules);
    return {};
  });
}

Result<void> Ledger::set_segments(const std::string& subject, const std::vector<std::string>& names,
                                  Deadline deadline) {
  return impl_->command<void>(deadline, kDecision,
                              [subject, names](Context& c) { return ledger::set_segments(c, subject, names); });
}

Result<void> Ledger::pause_campaign(const std::string& id, bool paused, Deadline deadline) {
  return impl_->command<void>(deadline, kAlways, [id, paused](Context& c) { return c.campaigns.pause(c, id, paused); });
}

Result<void> Ledger::consent(const std::string& subject, bool given, const std::string& terms_hash, Deadline deadline) {
  return impl_->command<void>(deadline, given ? kDecision : kAlways,
                              [subject, given, terms_hash](Context& c) -> Result<void> {
                                if (given)
                                  give_consent(c, subject, terms_hash);
                                else
                                  withdraw_consent(c, subject);
                                return {};
                              });
}

Result<std::optional<std::string>> Ledger::order_answer(const std::string& key, Deadline deadline) {
  return impl_->question<std::optional<std::string>>(deadline,
                                                     [this, key] { return ledger::order_answer(impl_->db(), key); });
}

Result<void> Ledger::remember_order(const std::string& key, const std::string& answer, Deadline deadline) {
  return impl_->command<void>(deadline, kAlways, [key, answer](Context& c) -> Result<void> {
    ledger::remember_order(c, key, answer);
    return {};
  });
}

bool Ledger::record(std::vector<Event> events) { return impl_->record(std::move(events)); }

// ---- questions -----------------------------------------------------------------------------------------------

namespace {

std::optional<campaign::Coupon> only_coupon(std::optional<CouponRow> row) {
  if (!row) return std::nullopt;
  return std::move(row->coupon);
}

}  // namespace

Result<std::optional<campaign::Coupon>> Ledger::coupon(const std::string& id, Deadline deadline) {
  return impl_->question<std::optional<campaign::Coupon>>(
      deadline, [this, id] { return only_coupon(coupon_by_id(impl_->db(), id)); });
}

Result<std::optional<campaign::Coupon>> Ledger::coupon_by_code(const std::string& code, Deadline deadline) {
  return impl_->question<std::optional<campaign::Coupon>>(
      deadline, [this, code] { return only_coupon(ledger::coupon_by_code(impl_->db(), code)); });
}

Result<std::vector<campaign::Coupon>> Ledger::coupons_of(const std::string& subject, Deadline deadline) {
  return impl_->question<std::vector<campaign::Coupon>>(
      deadline, [this, subject] { return ledger::coupons_of(impl_->db(), subject); });
}

Result<std::vector<Session>> Ledger::sessions(Deadline deadline) {
  return impl_->question<std::vector<Session>>(deadline,
                                               [this] { return open_sessions(impl_->db(), impl_->settings().wall()); });
}

Result<std::optional<std::string>> Ledger::consented(const std::string& subject, Deadline deadline) {
  return impl_->question<std::optional<std::string>>(deadline,
                                                     [this, subject] { return consent_of(impl_->db(), subject); });
}

Result<std::vector<campaign::Campaign>> Ledger::campaigns(Deadline deadline) {
  return impl_->question<std::vector<campaign::Campaign>>(deadline, [this] { return impl_->campaigns().all(); });
}

Result<std::vector<campaign::CampaignState>> Ledger::campaign_states(Deadline deadline) {
  return impl_->look<std::vector<campaign::CampaignState>>(deadline, [](Context& c) { return c.campaigns.states(c); });
}

Result<std::vector<campaign::Offer>> Ledger::offers(const std::vector<std::string>& names, std::uint64_t after,
                                                    Deadline deadline) {
  return impl_->question<std::vector<campaign::Offer>>(
      deadline, [this, names, after] { return offers_after(impl_->db(), names, after); });
}

Result<Ledger::Statistics> Ledger::statistics(int days, Deadline deadline) {
  return impl_->look<Statistics>(deadline, [days](Context& c) {
    return Statistics{funnel_cells(c.db, c.now, c.today(), days), arms(c.db)};
  });
}

Result<std::map<Stream, StreamState>> Ledger::streams(Deadline deadline) {
  return impl_->question<std::map<Stream, StreamState>>(deadline, [this] { return impl_->outbox().states(); });
}

Figures Ledger::figures() const { return impl_->figures(); }

// ---- outbox --------------------------------------------------------------------------------------------------

void Ledger::fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
                   std::function<void(Result<std::vector<StoredEvent>>)> done) {
  impl_->fetch(stream, after, max_rows, std::move(done));
}

void Ledger::forget(Stream stream, std::uint64_t upto) { impl_->forget(stream, upto); }

void Ledger::on_stored(std::function<void(const std::vector<StoredEvent>&)> fn) { impl_->on_stored(std::move(fn)); }

void Ledger::close() { impl_->close(); }

}  // namespace foyer::ledger
