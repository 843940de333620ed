#include "sync/uplink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "sync/envelope.hpp"
#include "sync/lane.hpp"
#include "sync/pace.hpp"
#include "sync/reach.hpp"
#include "sync/watermark.hpp"

namespace foyer::sync {

namespace {

constexpr std::uint8_t kNoSubscribers = 0x10;  // MQTT 5, 3.4.2.1: accepted, but nobody was there to take it
constexpr std::uint8_t kFirstError = 0x80;
/// Of the broker's receive maximum, left for what is not the pump's: state and replies to commands.
constexpr std::size_t kReserve = 4;
constexpr std::chrono::milliseconds kPublishAgain{1000};  // after the publisher's queue was full
constexpr std::chrono::milliseconds kFetchAgain{5000};    // after the outbox could not be read
/// An answer of the outbox that is not there by now was dropped on its way (a full mailbox): asked again.
constexpr std::chrono::milliseconds kFetchTimeout{30'000};

}  // namespace

class Uplink::Impl {
 public:
  Impl(Settings settings, Outbox& outbox, ports::Publisher& publisher, const ports::Clock& clock, ports::Timers& timers)
      : settings_(std::move(settings)), outbox_(outbox), publisher_(publisher), clock_(clock), timers_(timers) {
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      slots_[i].stream = kStreams[i];
      slots_[i].delay = settings_.refused_delay;
    }
  }

  void stored(Stream stream, std::uint64_t last_seq, std::uint64_t acked) {
    slot(stream).lane.stored(last_seq, acked, clock_.mono());
    pump();
  }

  void connected(const ports::PublisherLink& link) {
    start_over();
    const std::size_t broker = link.receive_maximum > kReserve ? link.receive_maximum - kReserve : 1;
    limit_ = std::max<std::size_t>(1, std::min(settings_.window, broker));
    pace_.restart(settings_.backlog_start, backlog_limit(), settings_.max_batch_bytes);
    ledger_pace_.restart(settings_.backlog_start, limit_, settings_.max_batch_bytes);
    connected_ = true;
    announced_ = false;
    last_error_.clear();
    pump();
  }

  void disconnected(const std::string& reason) {
    last_error_ = reason;
    start_over();
  }

  void acknowledged(std::uint64_t tag, std::uint8_t reason_code) {
    const auto it = flights_.find(tag);
    if (it == flights_.end()) return;  // not the pump's, or of an earlier connection
    Slot& slot = *it->second.slot;
    const bool refusal = reason_code >= kFirstError || reason_code == kNoSubscribers;
    const auto now = clock_.mono();
    if (it == flights_.begin()) oldest_since_ = now;
    if (!refusal) {
      // How soon a broker says no tells nothing of the line.
      pace_of(slot).answered(it->second.sent_at, now);
      if (tag > slot.refused_upto) {
        slot.probing = false;
        slot.delay = settings_.refused_delay;
      }
    }
    flights_.erase(it);
    if (refusal) {
      refused(slot, tag, reason_code);
    } else if (settings_.acknowledge == Acknowledge::application) {
      slot.lane.taken(tag);
    } else if (slot.lane.safe(tag, clock_.mono())) {
      let_go(slot);
    }
    pump();
  }

  bool received(const ports::InboundMessage& message) {
    const auto prefix = settings_.identity.base() + "/ack/";
    if (!message.topic.starts_with(prefix)) return false;
    const auto stream = parse_stream(std::string_view(message.topic).substr(prefix.size()));
    if (!stream) return true;
    Slot& own = slot(*stream);
    const auto mark = parse_watermark(message.payload);
    const bool ours =
        settings_.acknowledge == Acknowledge::application && mark && mark->epoch == settings_.identity.epoch;
    std::optional<bool> moved;
    const auto had = own.lane.acked();
    if (ours) moved = own.lane.watermark(mark->upto, clock_.mono());
    if (!moved) ++own.ignored;
    if (ours && mark->upto > own.lane.stored()) outbox_.behind(*stream, mark->upto);
    if (moved.value_or(false)) {
      own.reach.moved(own.lane.acked() - had, clock_.mono());
      let_go(own);
      pump();
    }
    return true;
  }

  UplinkStatus status() const {
    UplinkStatus status{connected_, last_error_, connected_ ? limit_ : 0, connected_ ? pace_.window() : 0, {}};
    for (const auto& slot : slots_) {
      status.streams[slot.stream] = {slot.lane.acked(), slot.lane.cursor(), in_flight(slot), slot.refused,
                                     slot.resent,       slot.ignored,       slot.acked_at};
    }
    return status;
  }

 private:
  struct Slot {
    Stream stream{};
    Lane lane;
    Reach reach;                         ///< application mode
    ports::TimerHandle pause;            ///< set: nothing of this stream is fetched or sent until it fires
    bool probing = false;                ///< a batch was refused: one at a time until one sent after it is taken
    std::uint64_t refused_upto = 0;      ///< the newest batch there was then
    std::chrono::milliseconds delay{0};  ///< after the next refusal
    std::uint64_t refused = 0, resent = 0, ignored = 0;
    std::optional<WallTime> acked_at;
  };
  /// A batch the broker has not answered. It holds its place in the window even when its rows are to go again.
  struct Flight {
    Slot* slot;
    MonoTime sent_at;
  };

  Slot& slot(Stream stream) { return slots_[static_cast<std::size_t>(stream) - 1]; }

  /// No connection: what was in flight is forgotten, every stream goes on after what is acked.
  void start_over() {
    connected_ = false;
    flights_.clear();
    stalled_.reset();
    deadline_.reset();
    for (auto& slot : slots_) {
      slot.pause.reset();
      slot.reach.restart();
      slot.lane.rewind(clock_.mono());
    }
  }

  void refused(Slot& slot, std::uint64_t tag, std::uint8_t reason_code) {
    ++slot.refused;
    last_error_ = reason_code == kNoSubscribers
                      ? fmt::format("{}: nobody is subscribed upstream (0x10)", to_string(slot.stream))
                      : fmt::format("{}: refused by the broker (0x{:02x})", to_string(slot.stream), reason_code);
    if (!slot.lane.refused(tag)) return;
    slot.probing = true;
    slot.refused_upto = last_tag_;
    if (slot.pause) return;  // another of the same burst
    pause(slot, slot.delay);
    slot.delay = std::min(slot.delay * 2, settings_.longest_refused_delay);
  }

  void pause(Slot& slot, std::chrono::milliseconds delay) {
    slot.pause = timers_.after(delay, [this, &slot] {
      slot.pause.reset();
      pump();
    });
  }

  /// Does whatever can be done now. Re-entered by an outbox that answers inside fetch: then the outer one goes on.
  void pump() {
    again_ = true;
    if (pumping_ || !connected_) return;
    pumping_ = true;
    while (std::exchange(again_, false)) {
      announce();
      fetch_rows();
      if (send_one()) again_ = true;
    }
    pumping_ = false;
    arm_deadline();
  }

  void announce() {
    if (announced_ || stalled_) return;
    const nlohmann::json state{{"online", true}, {"version", settings_.version}, {"since", settings_.since}};
    ports::OutboundMessage message;
    message.topic = settings_.identity.base() + "/state";
    message.payload = state.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    message.content_type = "application/json";
    message.retain = true;
    announced_ = publish(std::move(message));
  }

  /// Rows are fetched ahead of need, so that a ledger event is at hand when the next place in the window is free.
  void fetch_rows() {
    for (auto& slot : slots_) {
      if (slot.pause || !slot.lane.wants_rows()) continue;
      const auto fetch = slot.lane.begin_fetch(clock_.mono());
      outbox_.fetch(slot.stream, fetch.after, settings_.max_batch_rows,
                    [this, &slot, id = fetch.id, alive = std::weak_ptr(alive_)](Result<std::vector<StoredEvent>> rows) {
                      if (!alive.expired()) fetched(slot, id, std::move(rows));
                    });
    }
  }

  void fetched(Slot& slot, std::uint64_t id, Result<std::vector<StoredEvent>> rows) {
    if (rows) {
      if (!slot.lane.fetched(id, std::move(*rows))) return;
    } else {
      if (!slot.lane.fetch_failed(id)) return;
      last_error_ = fmt::format("{}: reading the outbox: {}", to_string(slot.stream), rows.error().message);
      pause(slot, kFetchAgain);
    }
    pump();
  }

  static bool backlog(const Slot& slot) { return slot.stream != Stream::ledger; }
  Pace& pace_of(const Slot& slot) { return backlog(slot) ? pace_ : ledger_pace_; }
  std::size_t in_flight(const Slot& slot) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(flights_, [&](const auto& flight) { return flight.second.slot == &slot; }));
  }
  std::size_t backlog_limit() const { return std::max<std::size_t>(1, limit_ - limit_ / 4); }

  bool room_for(const Slot& slot) const {
    if (settings_.acknowledge == Acknowledge::application &&
        slot.lane.cursor() - slot.lane.acked() >= slot.reach.rows())
      return false;
    const auto own = in_flight(slot);
    if (slot.probing && own > 0) return false;
    if (!backlog(slot)) return flights_.size() < limit_ && own < ledger_pace_.window();
    const auto waiting = std::ranges::count_if(flights_, [](const auto& one) { return backlog(*one.second.slot); });
    return flights_.size() < backlog_limit() && static_cast<std::size_t>(waiting) < pace_.window();
  }

  void let_go(Slot& slot) {
    slot.acked_at = clock_.wall();
    outbox_.forget(slot.stream, slot.lane.acked());
  }

  bool send_one() {
    if (stalled_ || !announced_) return false;
    for (auto& slot : slots_) {
      if (slot.pause || slot.lane.ready().empty() || !room_for(slot)) continue;
      std::size_t count = 0;
      ports::OutboundMessage message;
      message.tag = last_tag_ + 1;
      message.topic = fmt::format("{}/up/{}", settings_.identity.base(), to_string(slot.stream));
      message.payload = to_batch(slot.lane.ready(), settings_.identity, pace_of(slot).bytes(), count);
      message.content_type = "application/cloudevents-batch+json";
      if (!publish(std::move(message))) return false;
      ++last_tag_;
      slot.resent += slot.lane.sent(last_tag_, count, clock_.mono());
      if (flights_.empty()) oldest_since_ = clock_.mono();
      flights_.emplace(last_tag_, Flight{&slot, clock_.mono()});
      settle_early_claim(slot);
      return true;
    }
    return false;
  }

  /// What the ingester already had from an earlier run is safe as soon as it has been sent by this one.
  void settle_early_claim(Slot& slot) {
    if (settings_.acknowledge != Acknowledge::application) return;
    if (slot.lane.watermark(slot.lane.acked(), clock_.mono()).value_or(false)) let_go(slot);
  }

  bool publish(ports::OutboundMessage message) {
    if (publisher_.publish(std::move(message))) return true;
    stalled_ = timers_.after(kPublishAgain, [this] {
      stalled_.reset();
      pump();
    });
    return false;
  }

  std::optional<MonoTime> next_deadline() const {
    std::optional<MonoTime> next;
    const auto sooner = [&next](MonoTime at) { next = next ? std::min(*next, at) : at; };
    if (!flights_.empty()) sooner(oldest_since_ + settings_.puback_timeout);
    for (const auto& slot : slots_)
      if (const auto since = slot.lane.fetching_since()) sooner(*since + kFetchTimeout);
    if (settings_.acknowledge == Acknowledge::application)
      for (const auto& slot : slots_)
        if (slot.lane.cursor() > slot.lane.acked()) sooner(slot.lane.progress_at() + settings_.watermark_timeout);
    return next;
  }

  /// The timer may fire early (what it waited for came): then it is only set again.
  void arm_deadline() {
    const auto next = next_deadline();
    if (!next || !connected_) return;
    if (deadline_ && deadline_at_ <= *next) return;
    deadline_at_ = *next;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*next - clock_.mono());
    deadline_ = timers_.after(std::max(wait, std::chrono::milliseconds{0}), [this] {
      deadline_.reset();
      check_deadlines();
    });
  }

  void check_deadlines() {
    const auto now = clock_.mono();
    if (!flights_.empty() && oldest_since_ + settings_.puback_timeout <= now) {
      pace_.timed_out();
      ledger_pace_.timed_out();
      const auto why = fmt::format("no PUBACK within {} ms", settings_.puback_timeout.count());
      start_over();
      publisher_.reconnect(why);  // … which reports it
      return;
    }
    for (auto& slot : slots_)
      if (const auto since = slot.lane.fetching_since(); since && *since + kFetchTimeout <= now)
        slot.lane.give_up_fetch();
    if (settings_.acknowledge == Acknowledge::application)
      for (auto& slot : slots_)
        if (slot.lane.cursor() > slot.lane.acked() && slot.lane.progress_at() + settings_.watermark_timeout <= now) {
          slot.reach.restart();
          slot.lane.rewind(now);
        }
    pump();
  }

  const Settings settings_;
  Outbox& outbox_;
  ports::Publisher& publisher_;
  const ports::Clock& clock_;
  ports::Timers& timers_;

  std::array<Slot, kStreams.size()> slots_;  ///< in order of priority
  std::map<std::uint64_t, Flight> flights_;  ///< by tag: oldest first
  std::uint64_t last_tag_ = 0;
  std::size_t limit_ = 1;
  Pace pace_, ledger_pace_;
  MonoTime oldest_since_{};  ///< since when the oldest in flight is that
  bool connected_ = false;
  bool announced_ = false;  ///< …/state has been said on this connection
  bool pumping_ = false, again_ = false;
  std::string last_error_;
  ports::TimerHandle stalled_;  ///< set: the publisher's queue was full
  ports::TimerHandle deadline_;
  MonoTime deadline_at_{};
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

Uplink::Uplink(Settings settings, Outbox& outbox, ports::Publisher& publisher, const ports::Clock& clock,
               ports::Timers& timers)
    : impl_(std::make_unique<Impl>(std::move(settings), outbox, publisher, clock, timers)) {}
Uplink::~Uplink() = default;

void Uplink::stored(Stream stream, std::uint64_t last_seq, std::uint64_t acked) {
  impl_->stored(stream, last_seq, acked);
}
void Uplink::connected(const ports::PublisherLink& link) { impl_->connected(link); }
void Uplink::disconnected(const std::string& reason) { impl_->disconnected(reason); }
void Uplink::acknowledged(std::uint64_t tag, std::uint8_t reason_code) { impl_->acknowledged(tag, reason_code); }
bool Uplink::received(const ports::InboundMessage& message) { return impl_->received(message); }
UplinkStatus Uplink::status() const { return impl_->status(); }

}  // namespace foyer::sync
