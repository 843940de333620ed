#include "app/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>

namespace foyer::app {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  void gauge(const std::string& name, const std::string& help, double value, const Labels& labels = {}) {
    metric(name, help, MetricType::Gauge, labels).gauge.value = value;
  }
  void counter(const std::string& name, const std::string& help, double value, const Labels& labels = {}) {
    metric(name, help, MetricType::Counter, labels).counter.value = value;
  }
  void histogram(const std::string& name, const std::string& help, const Histogram& of) {
    auto& to = metric(name, help, MetricType::Histogram, {}).histogram;
    to.sample_count = of.count();
    to.sample_sum = of.sum();
    std::uint64_t up_to = 0;
    for (std::size_t i = 0; i < of.bounds().size(); ++i) to.bucket.push_back({up_to += of.counts()[i], of.bounds()[i]});
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  ClientMetric& metric(const std::string& name, const std::string& help, MetricType type, const Labels& labels) {
    const auto full = "foyer_" + name;
    if (families_.empty() || families_.back().name != full) families_.push_back({full, help, type, {}});
    auto& metric = families_.back().metric.emplace_back();
    for (const auto& [key, value] : labels) {
      ClientMetric::Label label;
      label.name = key;
      label.value = value;
      metric.label.push_back(label);
    }
    return metric;
  }
  std::vector<MetricFamily> families_;
};

double number(std::uint64_t value) { return static_cast<double>(value); }

void ledger_families(Families& out, const Snapshot& s) {
  out.counter("ledger_commits_total", "Group commits, one fsync each.", number(s.ledger.commits));
  out.counter("ledger_commands_total", "Commands run.", number(s.ledger.commands));
  out.counter("ledger_events_total", "Events stored.", number(s.ledger.events));
  out.counter("ledger_refused_total", "Commands refused: overloaded or storage full.", number(s.ledger.refused));
  out.gauge("ledger_bytes", "Pages in use, in bytes.", number(s.ledger.pages_used * s.ledger.page_size));
  out.gauge("ledger_wal_bytes", "Size of the write-ahead log.", number(s.ledger.wal_bytes));
  out.gauge("ledger_commit_seconds", "How long the newest commit took.", number(s.ledger.last_commit_us) / 1e6);
  out.gauge("ledger_commit_slowest_seconds", "The slowest commit since start.",
            number(s.ledger.slowest_commit_us) / 1e6);
  out.counter("ledger_discarded_total", "Presence and health events for which there was no room.",
              number(s.ledger.discarded));
  out.gauge("ledger_full", "1 while decisions are refused because there is no room.", s.ledger.full ? 1 : 0);
  out.gauge("ledger_disk_full", "1 while that is because others filled the file system.", s.ledger.disk_full ? 1 : 0);
  out.gauge("ledger_broken", "1 after an I/O error: nothing is stored until the restart.", s.ledger.broken ? 1 : 0);
  for (const auto stream : kStreams)
    out.counter("outbox_dropped_total", "Rows that went before they were safe upstream.",
                number(s.ledger.dropped[static_cast<std::size_t>(stream) - 1]),
                {{"stream", std::string(to_string(stream))}});
  for (const auto& [stream, state] : s.streams)
    out.gauge("outbox_rows", "Events not yet safe upstream.", number(state.rows),
              {{"stream", std::string(to_string(stream))}});
  for (const auto& [stream, state] : s.streams)
    out.gauge("outbox_bytes", "Their size.", number(state.bytes), {{"stream", std::string(to_string(stream))}});
}

void uplink_families(Families& out, const Snapshot& s) {
  if (!s.has_uplink) return;
  out.gauge("uplink_connected", "1 while connected to the broker.", s.uplink.connected ? 1 : 0);
  out.gauge("uplink_window", "Batches that may be in flight.", static_cast<double>(s.uplink.window));
  out.gauge("uplink_backlog_window", "Of those, for presence and health, as the line keeps up.",
            static_cast<double>(s.uplink.backlog_window));
  for (const auto& [stream, state] : s.uplink.streams)
    out.gauge("uplink_acknowledged_timestamp_seconds", "When rows were last acknowledged; 0: not since start.",
              state.acked_at ? static_cast<double>(unix_ms(*state.acked_at)) / 1e3 : 0,
              {{"stream", std::string(to_string(stream))}});
  for (const auto& [stream, state] : s.uplink.streams)
    out.counter("uplink_ignored_total", "Watermarks that were not believed.", number(state.ignored),
                {{"stream", std::string(to_string(stream))}});
  for (const auto& [stream, state] : s.uplink.streams)
    out.gauge("uplink_in_flight", "Batches the broker has not answered.", number(state.in_flight),
              {{"stream", std::string(to_string(stream))}});
  for (const auto& [stream, state] : s.uplink.streams)
    out.counter("uplink_refused_total", "Batches the broker did not take.", number(state.refused),
                {{"stream", std::string(to_string(stream))}});
  for (const auto& [stream, state] : s.uplink.streams)
    out.counter("uplink_resent_total", "Rows sent more than once.", number(state.resent),
                {{"stream", std::string(to_string(stream))}});
}

void radio_families(Families& out, const ports::RadioStatus& radio) {
  for (std::size_t i = 0; i < ports::kRungs; ++i)
    out.counter("radio_rungs_total", "What was tried for a radio that heard nothing.", number(radio.rungs[i]),
                {{"rung", ports::kRungNames[i]}});
  out.counter("radio_deaf_seconds_total", "Time in which the radio was known to hear nothing.",
              std::chrono::duration<double>(radio.deaf).count());
  out.counter("adverts_coalesced_total", "Reports a sender's own interval promised and that did not come by D-Bus.",
              number(radio.coalesced));
  out.counter("adverts_dropped_total", "Reports the tap lost because foyerd did not read in time.",
              number(radio.dropped));
  for (std::size_t i = 0; i < ports::kPassedOver.size(); ++i)
    out.counter("adverts_passed_over_total", "Reports that were no advert to us.", number(radio.passed_over[i]),
                {{"reason", ports::kPassedOver[i]}});
  out.gauge("radio_devices", "Devices whose last words are remembered.", number(radio.devices));
  out.counter("radio_devices_evicted_total", "Those that went because there were too many.",
              number(radio.devices_evicted));
  for (const auto& adapter : radio.adapters)
    out.counter("adapter_adverts_total", "Reports by adapter.", number(adapter.adverts),
                {{"adapter", adapter.name}, {"address", adapter.address}});
  constexpr const char* kStates[]{"requested", "registered", "confirmed"};
  for (std::size_t state = 0; state < std::size(kStates); ++state)
    out.gauge("broadcasts", "The shop's own beacons by how far they got.",
              static_cast<double>(
                  std::count_if(radio.broadcasts.begin(), radio.broadcasts.end(),
                                [&](const auto& one) { return static_cast<std::size_t>(one.state) == state; })),
              {{"state", kStates[state]}});
}

void presence_families(Families& out, const Snapshot& s) {
  const auto& presence = s.presence;
  out.counter("adverts_missing_total", "Adverts that beacons' learned intervals promised and that were not heard.",
              number(presence.missing));
  out.counter("adverts_own_total", "Hearings of the shop's own beacons, passed over.", number(presence.own));
  out.counter("adverts_unresolved_total", "Ephemeral identifiers that no key of ours made.",
              number(s.heard.unresolved));
  out.counter("adverts_not_lent_total", "Identifiers of the uuid that is lent, but of nobody now.",
              number(s.heard.not_lent));
  out.gauge("identifiers", "Beacon identifiers remembered.", number(presence.identifiers));
  out.gauge("identifiers_limit", "The most that are; then the least recently heard goes.", number(presence.limit));
  out.gauge("identifiers_bytes", "Memory of their table.", number(presence.memory));
  out.counter("identifiers_evicted_total", "Those that went because the table was full.", number(presence.evictions));
  out.counter("identifiers_suspected_total", "Times an identifier was heard from several transmitters at once.",
              number(presence.suspicions));
  out.counter("strangers_held_back_total", "Unknown identifiers not told and visits not begun: too many in a minute.",
              number(presence.held_back));
  if (presence.shoppers >= s.least_shoppers) {  // of both, few shoppers could be told
    out.gauge("here", "Identifiers that are in a zone.", number(presence.here));
    out.gauge("here_shoppers", "Of those, neither staff's nor goods'.", number(presence.shoppers));
  }
  out.gauge("eids", "Ephemeral identifiers that would be known again now.", number(s.eids));
  out.gauge("leases", "Identifiers lent to shoppers' apps.", number(s.leases));
  out.counter("leases_evicted_total", "Those that ended early because too many were lent.", number(s.leases_evicted));
  out.gauge("reports", "Subjects of whom a report of our beacons is remembered.", number(s.reports));
  out.counter("reports_evicted_total", "Those that went because there were too many.", number(s.reports_evicted));
  out.counter("reports_wrong_total", "Reported minors of our rolling beacons that were not on the air.",
              number(s.wrong_minors));
}

void portal_families(Families& out, const Snapshot& s) {
  for (const auto& [name, value] : s.guest_http)
    out.counter("http_total", "What the guests' listeners counted.", number(value), {{"what", name}});
  out.counter("redirects_total", "Requests for other hosts sent to the portal.", number(s.redirects));
  for (const auto& [system, value] : s.probes)
    out.counter("probes_total", "Of those, by the system that asks whether it is online.", number(value),
                {{"system", system}});
  for (const auto& [way, value] : s.admissions)
    out.counter("admissions_total", "Guests let in by the portal.", number(value), {{"way", way}});
  for (const auto& [reason, value] : s.admissions_refused)
    out.counter("admissions_refused_total", "Attempts to get in that were refused.", number(value),
                {{"reason", reason}});
  if (s.certificate_days)
    out.gauge("certificate_days", "Until the portal's certificate ends; negative: it has.",
              static_cast<double>(*s.certificate_days));
  out.counter("panics_total", "Requests answered 500 because of a fault of ours.", number(s.panics));
}

}  // namespace

std::string to_prometheus(const Snapshot& s) {
  Families out;
  out.gauge("build_info", "1; the version is the label.", 1, {{"version", s.version}});
  out.gauge("up_seconds", "Since start.", s.up_seconds);
  out.gauge("radio_up", "1 while the radio hears or, without scanning, broadcasts.", s.radio.up ? 1 : 0);
  radio_families(out, s.radio);
  out.counter("adverts_heard_total", "Advertising reports that came in.", number(s.heard.heard));
  out.counter("adverts_decoded_total", "Beacon frames in them.", number(s.heard.decoded));
  out.counter("adverts_malformed_total", "Reports whose AD structures were malformed.", number(s.heard.malformed));
  presence_families(out, s);
  out.gauge("sessions", "Guests recorded and unexpired.", number(s.sessions));
  out.gauge("sessions_open", "Of those, open in the gate.", number(s.sessions_open));
  for (const auto& [what, packets] : s.gate_tallies)
    out.counter("gate_packets_total", "Packets from the guests' side, by what became of them.", number(packets),
                {{"what", what}});
  out.histogram("gate_seconds", "How long the gate took to admit or remove a guest.", s.gate_times);
  out.gauge("core_queue", "Tasks waiting for the core loop.", number(s.core_depth));
  out.counter("core_refused_total", "Tasks refused because that queue was full.", number(s.core_refused));
  out.counter("events_refused_total", "Presence and health events not stored because the ledger was overloaded.",
              number(s.events_refused));
  ledger_families(out, s);
  uplink_families(out, s);
  for (const auto& [what, reason, times] : s.refusals)
    out.counter("refusals_total", "Draws, offers, admissions and redemptions refused.", number(times),
                {{"what", what}, {"reason", reason}});
  out.gauge("offer_waits", "Requests that wait for an offer.", number(s.offer_waits));
  out.gauge("wifi_visits", "Guests followed from entering to leaving.", number(s.wifi_visits));
  out.counter("happenings_lost_total", "Happenings that could not be brought before the campaigns: too many waited.",
              number(s.happenings_lost));
  portal_families(out, s);
  return out.text();
}

}  // namespace foyer::app
