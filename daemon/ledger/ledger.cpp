#include "ledger/ledger.hpp"

#include <algorithm>

#include "ledger/audience.hpp"
#include "ledger/codes.hpp"
#include "ledger/coupons.hpp"
#include "ledger/draws.hpp"
#include "ledger/offers.hpp"
#include "ledger/orders.hpp"
#include "ledger/privacy.hpp"
#include "ledger/sessions.hpp"
#include "ledger/staff.hpp"
#include "ledger/till.hpp"
#include "ledger/typed.hpp"
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
      deadline, kDecision, [command](Context& c) -> Result<campaign::DrawAnswer> { return ledger::draw(c, command); },
      [command](Db& db) { return ledger::answered_before(db, command); });
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

Result<void> Ledger::count_sessions(const std::vector<campaign::SessionBytes>& counted, Deadline deadline) {
  return impl_->command<void>(deadline, kAlways, [counted](Context& c) -> Result<void> {
    ledger::count_sessions(c, counted);
    return {};
  });
}

Result<std::optional<Session>> Ledger::carry_session(const std::string& id, const std::string& pair,
                                                     Deadline deadline) {
  return impl_->command<std::optional<Session>>(
      deadline, kAlways,
      [id, pair](Context& c) -> Result<std::optional<Session>> { return ledger::carry_session(c, id, pair); });
}

Result<void> Ledger::keep_typed(const std::string& code, const Bytes& body, WallTime expires, Deadline deadline) {
  return impl_->command<void>(deadline, kDecision,
                              [code, body, expires](Context& c) { return ledger::keep_typed(c, code, body, expires); });
}

Result<campaign::TillAnswer> Ledger::till(const campaign::TillRequest& request, Deadline deadline) {
  if (request.action == campaign::TillAction::check)
    return impl_->question<campaign::TillAnswer>(deadline, [this, request] {
      return ledger::check(impl_->db(), impl_->settings(), impl_->zone(), impl_->settings().wall(), request);
    });
  const bool gives_back = request.action == campaign::TillAction::void_;
  return impl_->command<campaign::TillAnswer>(
      deadline, gives_back ? kAlways : kDecision,
      [request](Context& c) -> Result<campaign::TillAnswer> { return ledger::till(c, request); },
      [request](Db& db) { return ledger::answered_before(db, request); });
}

Result<std::string> Ledger::shown_by(const campaign::TillRequest& request, Deadline deadline) {
  return impl_->question<std::string>(deadline, [this, request] {
    const auto buyer = buyer_of(impl_->db(), impl_->settings(), impl_->settings().wall(), request);
    return buyer ? buyer->subject : std::string();
  });
}

Result<campaign::TillAnswer> Ledger::void_coupon(const std::string& code, const std::string& why,
                                                 const campaign::Order& order, Deadline deadline) {
  return impl_->command<campaign::TillAnswer>(deadline, kAlways,
                                              [code, why, order](Context& c) -> Result<campaign::TillAnswer> {
                                                auto answer = ledger::end_coupon(c, code, why);
                                                if (!answer.refused && !order.key.empty())
                                                  ledger::remember_order(c, order.key, order.answer);
                                                return answer;
                                              });
}

Result<Ledger::Imported> Ledger::import_codes(const std::string& campaign, const std::string& prize,
                                              std::vector<std::string> codes, bool dry, Deadline deadline) {
  return impl_->command<Imported>(deadline, kDecision,
                                  [campaign, prize, codes = std::move(codes), dry](Context& c) -> Result<Imported> {
                                    return ledger::import_codes(c, campaign, prize, codes, dry);
                                  });
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

Result<void> Ledger::give_consent(const std::string& subject, const std::string& terms_hash, Deadline deadline) {
  return impl_->command<void>(deadline, kDecision, [subject, terms_hash](Context& c) -> Result<void> {
    ledger::give_consent(c, subject, terms_hash);
    return {};
  });
}

Result<void> Ledger::withdraw_consent(const std::vector<std::string>& names, Deadline deadline) {
  return impl_->command<void>(deadline, kAlways, [names](Context& c) -> Result<void> {
    ledger::withdraw_consent(c, names);
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

Result<void> Ledger::erase(const std::vector<std::string>& names, Deadline deadline) {
  return impl_->command<void>(deadline, kAlways, [names](Context& c) -> Result<void> {
    ledger::erase(c, names, false);
    return {};
  });
}

Result<void> Ledger::erase_named(const std::string& name, Deadline deadline) {
  return impl_->command<void>(deadline, kAlways, [name](Context& c) -> Result<void> {
    ledger::erase(c, {name}, true);
    return {};
  });
}

Result<std::string> Ledger::export_of(const std::vector<std::string>& names, Deadline deadline) {
  return impl_->question<std::string>(deadline, [this, names] {
    return ledger::export_of(impl_->db(), impl_->settings(), impl_->settings().wall(), names);
  });
}

Result<std::optional<Ledger::Knock>> Ledger::staff_knock(const std::string& name, Deadline deadline) {
  return impl_->command<std::optional<Knock>>(
      deadline, kAlways, [name](Context& c) -> Result<std::optional<Knock>> { return ledger::staff_knock(c, name); });
}

Result<void> Ledger::staff_entered(const std::string& name, Deadline deadline) {
  return impl_->command<void>(deadline, kAlways, [name](Context& c) -> Result<void> {
    ledger::staff_entered(c, name);
    return {};
  });
}

Result<std::vector<Ledger::StaffRow>> Ledger::staff(Deadline deadline) {
  return impl_->question<std::vector<StaffRow>>(deadline, [this] { return staff_list(impl_->db()); });
}

Result<void> Ledger::staff_add(const std::string& name, const std::string& role, const std::string& pin,
                               Deadline deadline) {
  return impl_->command<void>(deadline, kDecision,
                              [name, role, pin](Context& c) { return ledger::staff_add(c, name, role, pin); });
}

Result<void> Ledger::staff_remove(const std::string& name, Deadline deadline) {
  return impl_->command<void>(deadline, kAlways, [name](Context& c) { return ledger::staff_remove(c, name); });
}

bool Ledger::record(std::vector<Event> events) { return impl_->record(std::move(events)); }

// ---- questions -----------------------------------------------------------------------------------------------

Result<std::optional<campaign::Coupon>> Ledger::coupon(const std::string& id, Deadline deadline) {
  return impl_->question<std::optional<campaign::Coupon>>(deadline,
                                                          [this, id] { return coupon_by_id(impl_->db(), id); });
}

Result<std::optional<campaign::Coupon>> Ledger::coupon_by_code(const std::string& code, Deadline deadline) {
  return impl_->question<std::optional<campaign::Coupon>>(
      deadline, [this, code] { return ledger::coupon_by_code(impl_->db(), code); });
}

Result<std::vector<campaign::Coupon>> Ledger::coupons_of(const std::string& subject, Deadline deadline) {
  return impl_->question<std::vector<campaign::Coupon>>(
      deadline, [this, subject] { return ledger::coupons_of(impl_->db(), subject); });
}

Result<std::vector<Session>> Ledger::sessions(Deadline deadline) {
  return impl_->question<std::vector<Session>>(deadline,
                                               [this] { return open_sessions(impl_->db(), impl_->settings().wall()); });
}

Result<std::optional<Bytes>> Ledger::typed(const std::string& code, Deadline deadline) {
  return impl_->question<std::optional<Bytes>>(
      deadline, [this, code] { return ledger::typed(impl_->db(), code, impl_->settings().wall()); });
}

Result<std::optional<std::string>> Ledger::consented(const std::string& subject, Deadline deadline) {
  const auto said = [](std::string terms_hash) {
    return terms_hash.empty() ? std::nullopt : std::optional(std::move(terms_hash));
  };
  if (auto known = impl_->consents().find(subject)) return said(*std::move(known));
  auto read = impl_->question<std::string>(deadline, [this, subject] {
    auto terms_hash = consent_of(impl_->db(), subject).value_or(std::string());
    impl_->consents().keep(subject, terms_hash);
    return terms_hash;
  });
  if (!read) return fail(read);
  return said(*std::move(read));
}

Result<std::vector<campaign::Campaign>> Ledger::campaigns(Deadline deadline) {
  return impl_->question<std::vector<campaign::Campaign>>(deadline, [this] { return impl_->campaigns().all(); });
}

Result<std::optional<campaign::Campaign>> Ledger::campaign(const std::string& id, Deadline deadline) {
  return impl_->question<std::optional<campaign::Campaign>>(
      deadline, [this, id] { return impl_->campaigns().known(impl_->db(), id); });
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
std::string Ledger::why_broken() const { return impl_->why_broken(); }

Result<bool> Ledger::clock_trusted(Deadline deadline) {
  return impl_->look<bool>(deadline, [](Context& c) { return c.clock_trusted; });
}

std::string Ledger::member_code(const std::string& subject) const {
  return ledger::member_code(impl_->settings(), subject, impl_->settings().wall());
}

// ---- outbox --------------------------------------------------------------------------------------------------

void Ledger::fetch(Stream stream, std::uint64_t after, std::size_t max_rows,
                   std::function<void(Result<std::vector<StoredEvent>>)> done) {
  impl_->fetch(stream, after, max_rows, std::move(done));
}

void Ledger::forget(Stream stream, std::uint64_t upto) { impl_->forget(stream, upto); }
void Ledger::heard(Stream stream, std::uint64_t upto) { impl_->heard(stream, upto); }

void Ledger::on_stored(std::function<void(const std::vector<StoredEvent>&)> fn) { impl_->on_stored(std::move(fn)); }

void Ledger::close() { impl_->close(); }

}  // namespace foyer::ledger
