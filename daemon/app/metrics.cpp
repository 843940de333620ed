#include "app/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

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
  out.gauge("identifiers", "Beacon identifiers remembered.", number(s.identifiers));
  out.gauge("here", "Identifiers that are in a zone.", number(s.here));
  out.gauge("sessions", "Guests recorded and unexpired.", number(s.sessions));
  out.gauge("sessions_open", "Of those, open in the gate.", number(s.sessions_open));
  out.gauge("core_queue", "Tasks waiting for the core loop.", number(s.core_depth));
  out.counter("core_refused_total", "Tasks refused because that queue was full.", number(s.core_refused));
  out.counter("events_refused_total", "Presence and health events not stored because the ledger was overloaded.",
              number(s.events_refused));
  ledger_families(out, s);
  uplink_families(out, s);
  for (const auto& [name, value] : s.guest_http)
    out.counter("http_total", "What the guests' listeners counted.", number(value), {{"what", name}});
  return out.text();
}

}  // namespace foyer::app
