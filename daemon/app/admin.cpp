#include "app/admin.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/patience.hpp"
#include "app/settings.hpp"

namespace foyer::app {

using nlohmann::json;
using namespace std::chrono_literals;

Result<Snapshot> Admin::snapshot() {
  auto snapshot = core_.box.ask([this] { return core_.snapshot(); }, kCore);
  if (!snapshot) return snapshot;
  snapshot->ledger = ledger_.figures();
  auto streams = ledger_.streams(kLedger);
  if (!streams) return fail(streams);
  snapshot->streams = std::move(*streams);
  return snapshot;
}

Result<std::string> Admin::status_json() {
  const auto s = snapshot();
  if (!s) return fail(s);
  const auto config = core_.box.ask([this] { return core_.config(); }, kCore);
  if (!config) return fail(config);
  json out{{"gateway", config->gateway.id},
           {"store", config->gateway.store},
           {"tenant", config->gateway.tenant},
           {"version", s->version},
           {"up_s", static_cast<std::int64_t>(s->up_seconds)},
           {"radio",
            {{"up", s->radio.up},
             {"heard", s->heard.heard},
             {"here", s->presence.shoppers < s->least_shoppers ? json(nullptr) : json(s->presence.here)}}},
           {"guests", {{"sessions", s->sessions}, {"open", s->sessions_open}}},
           {"epoch", ledger_.epoch()}};
  out["certificate"] = s->certificate.empty() ? json(nullptr) : json::parse(s->certificate);
  auto& storage = out["storage"];
  storage = {{"bytes", s->ledger.pages_used * s->ledger.page_size}, {"wal_bytes", s->ledger.wal_bytes}};
  if (!ledger_.opened().set_aside.empty()) storage["set_aside"] = ledger_.opened().set_aside;
  out["upstream"] =
      s->has_uplink ? json{{"connected", s->uplink.connected}, {"last_error", s->uplink.last_error}} : json(nullptr);
  for (const auto& [stream, state] : s->streams) out["outbox"][std::string(to_string(stream))] = state.rows;
  return out.dump();
}

Result<std::string> Admin::radio_json() {
  return core_.box.ask([this] { return to_json(core_.radio(), core_.hearing); }, kCore);
}

Result<std::string> Admin::presence_json() {
  return core_.box.ask([this] { return core_.hearing.here_json(); }, kCore);
}

Result<std::string> Admin::presence_hours_json() {
  return core_.box.ask([this] { return core_.hearing.hours_json(); }, kCore);
}

Result<std::string> Admin::clients_json() {
  const auto clients = core_.box.ask([this] { return core_.guests.clients(); }, kCore);
  if (!clients) return fail(clients);
  const auto kept_out = core_.box.ask([this] { return core_.guests.kept_out(); }, kCore);
  if (!kept_out) return fail(kept_out);
  auto list = json::array();
  for (const auto& client : *clients) {
    auto ips6 = json::array();
    for (const auto& ip : client.ips6) ips6.push_back(to_string(ip));
    list.push_back({{"mac", to_string(client.mac)},
                    {"ip", to_string(client.ip)},
                    {"ips6", ips6},
                    {"session", client.session.id},
                    {"subject", client.session.subject},
                    {"way", to_string(client.session.way)},
                    {"since", to_rfc3339(client.session.since)},
                    {"seconds_left", client.left.count()},
                    {"bytes_up", client.bytes.up},
                    {"bytes_down", client.bytes.down},
                    {"bytes_left", client.bytes_left ? json(*client.bytes_left) : json(nullptr)},
                    {"signal_dbm", client.signal_dbm ? json(*client.signal_dbm) : json(nullptr)}});
  }
  for (const auto& [mac, left] : *kept_out)
    list.push_back({{"mac", to_string(mac)},
                    {"ip", nullptr},
                    {"ips6", json::array()},
                    {"session", nullptr},
                    {"subject", nullptr},
                    {"way", "kept_out"},
                    {"since", nullptr},
                    {"seconds_left", left.count()},
                    {"bytes_up", 0},
                    {"bytes_down", 0},
                    {"bytes_left", nullptr},
                    {"signal_dbm", nullptr}});
  return list.dump();
}

Result<std::string> Admin::outbox_json() {
  const auto s = snapshot();
  if (!s) return fail(s);
  json out{{"epoch", ledger_.epoch()},
           {"connected", s->has_uplink && s->uplink.connected},
           {"full", s->ledger.full},
           {"discarded", s->ledger.discarded}};
  if (s->has_uplink) {
    out["last_error"] = s->uplink.last_error;
    out["window"] = s->uplink.window;
    out["backlog_window"] = s->uplink.backlog_window;
  }
  for (const auto& [stream, state] : s->streams) {
    json one{{"last_seq", state.last_seq}, {"acknowledged", state.acked}, {"rows", state.rows}, {"bytes", state.bytes}};
    one["dropped"] = s->ledger.dropped[static_cast<std::size_t>(stream) - 1];
    one["oldest"] = state.oldest ? json(to_rfc3339(*state.oldest)) : json(nullptr);
    if (const auto it = s->uplink.streams.find(stream); s->has_uplink && it != s->uplink.streams.end()) {
      one["sent"] = it->second.sent;
      one["in_flight"] = it->second.in_flight;
      one["refused"] = it->second.refused;
      one["resent"] = it->second.resent;
      one["ignored"] = it->second.ignored;
      one["acknowledged_at"] = it->second.acked_at ? json(to_rfc3339(*it->second.acked_at)) : json(nullptr);
    }
    out["streams"][std::string(to_string(stream))] = std::move(one);
  }
  return out.dump();
}

Result<std::string> Admin::metrics_text() {
  const auto s = snapshot();
  if (!s) return fail(s);
  return to_prometheus(*s);
}

std::pair<bool, std::string> Admin::ready() {
  json parts;
  bool ready = true;
  const auto part = [&](const char* name, const std::string& fault) {
    parts[name] = fault.empty() ? "ok" : fault;
    ready = ready && fault.empty();
  };
  const auto streams = ledger_.streams(kLedger);
  part("ledger", streams ? "" : streams.error().message);
  const auto gate = core_.box.ask([this] { return core_.guests.gate_fault(); }, kCore);
  part("core", gate ? "" : gate.error().message);
  if (gate) part("gate", *gate);
  part("listeners", "");  // bound before anything could ask
  return {ready, json{{"ready", ready}, {"parts", parts}}.dump()};
}

Result<std::string> Admin::admit(const std::string& ip_or_mac) {
  const auto ip = core_.box.ask([this, ip_or_mac] { return core_.guests.address_of(ip_or_mac); }, kCore);
  if (!ip) return fail(ip);
  const auto visitor = core_.box.ask([this, ip = *ip] { return core_.guests.who(ip); }, kCore);
  if (!visitor) return fail(visitor);
  const auto config = core_.box.ask([this] { return core_.config(); }, kCore);
  if (!config) return fail(config);
  campaign::AdmitCommand command;
  auto& session = command.session;
  session = {random_hex(kernel_random, 16),
             visitor->subject,
             visitor->device,
             visitor->pair,
             Way::operator_,
             "",
             "",
             5,
             clock_.wall(),
             clock_.wall() + config->wifi.session_length};
  const auto answer = ledger_.admit(command, kLedger);
  if (!answer) return fail(answer);
  if (answer->refused) return fail(Code::refuse, "not admitted: {}", campaign::to_string(*answer->refused));
  const auto opened =
      core_.box.ask([this, recorded = answer->session, ip = *ip] { return core_.guests.open(recorded, ip); }, kCore);
  if (!opened) return fail(opened);
  return json{{"session", answer->session.id}, {"until", to_rfc3339(answer->session.until)}}.dump();
}

Result<std::string> Admin::remove(const std::string& ip_or_mac, std::optional<std::chrono::seconds> keep_out) {
  constexpr std::chrono::seconds kMost = 31 * 24h;
  if (keep_out && (*keep_out < 1s || *keep_out > kMost))
    return fail(Code::refuse, "for {} s: 1 s to 31 days are allowed", keep_out->count());
  const auto removed =
      core_.box.ask([this, ip_or_mac, keep_out] { return core_.guests.remove(ip_or_mac, "removed", keep_out); }, kCore);
  if (!removed) return fail(removed);
  if (*removed == 0 && !keep_out) return fail(Code::refuse, "nobody with {} is in", ip_or_mac);
  json answer{{"removed", *removed}};
  if (keep_out) answer["kept_out_seconds"] = keep_out->count();
  return answer.dump();
}

Result<Admin::Minted> Admin::mint_checked(portal::TokenKind kind, const std::string& zone,
                                          std::optional<std::chrono::seconds> ttl) {
  using portal::TokenKind;
  const auto config = core_.box.ask([this] { return core_.config(); }, kCore);
  if (!config) return fail(config);
  const auto known = [&](const config::Zone& one) { return one.id == zone; };
  if (!zone.empty() && std::none_of(config->zones.begin(), config->zones.end(), known))
    return fail(Code::refuse, "'{}' is not a zone of this gateway", zone);
  constexpr std::chrono::seconds kDay = 24h;
  // A receipt's single use is remembered for 45 days: it must not outlive that.
  const auto most = kind == TokenKind::staff     ? std::chrono::seconds{12h}
                    : kind == TokenKind::receipt ? 30 * kDay
                                                 : 400 * kDay;
  const auto usual = kind == TokenKind::poster    ? 365 * kDay
                     : kind == TokenKind::receipt ? kDay
                                                  : std::chrono::seconds{12h};
  if (ttl && (*ttl < 1s || *ttl > most))
    return fail(Code::refuse, "ttl {} s is not between 1 and {} for a {} token", ttl->count(), most.count(),
                to_string(kind));
  const auto url = core_.box.ask([this] { return core_.portal_url(); }, kCore);
  if (!url) return fail(url);
  auto minted = mint({kind, config->gateway.store, zone, ttl.value_or(usual)});
  if (!minted) return fail(minted);
  return Minted{*minted, *url + "/q/" + minted->text, fmt::format("{}/screen/{}?key={}", *url, zone, minted->display)};
}

Result<std::string> Admin::mint_token(const std::string& kind_name, const std::string& zone,
                                      std::optional<std::chrono::seconds> ttl) {
  const auto kind = portal::parse_token_kind(kind_name);
  if (!kind) return fail(Code::refuse, "kind '{}' is not one of poster, screen, receipt, staff", kind_name);
  const auto minted = mint_checked(*kind, zone, ttl);
  if (!minted) return fail(minted);
  json out{{"token", minted->token.text},
           {"url", minted->url},
           {"kind", kind_name},
           {"expires_at", to_rfc3339(minted->token.expires)},
           {"code", minted->token.code}};
  if (!minted->token.display.empty()) out["display"] = minted->display;
  return out.dump();
}

Result<portal::PrintFacts> Admin::print_facts(const portal::PrintOrder& order) {
  using What = portal::PrintOrder::What;
  const auto config = core_.box.ask([this] { return core_.config(); }, kCore);
  if (!config) return fail(config);
  portal::PrintFacts facts;
  facts.brand = config->brand.name;
  facts.languages = config->gateway.languages;
  facts.accent = config->brand.accent;
  facts.logo = logo_of(*config);
  facts.ssid = config->wifi.ssid;
  if (!config->wifi.password_file.empty() && order.what != What::screen) {
    const auto password = config::read_secret(config->wifi.password_file);
    if (!password) return fail(password);
    facts.password = *password;
  }
  if (order.what == What::wifi) return facts;
  const auto kind = order.what == What::poster ? portal::TokenKind::poster : portal::TokenKind::screen;
  const auto minted = mint_checked(kind, order.zone, order.ttl);
  if (!minted) return fail(minted);
  facts.url = minted->url;
  facts.code = minted->token.code;
  return facts;
}

Result<portal::MintedToken> Admin::mint(const portal::TokenOrder& order) {
  for (int attempt = 0;; ++attempt) {
    auto minted = core_.box.ask([this, order] { return core_.mint(order); }, kCore);
    if (!minted || order.kind == portal::TokenKind::screen) return minted;
    const auto kept = ledger_.keep_typed(minted->code, portal::body_of(minted->text), minted->expires, kLedger);
    if (kept) return minted;
    if (kept.error().code != Code::refuse || attempt == 3) return fail(kept);
  }
}

Result<std::string> Admin::rotate_tokens() {
  const auto keys = core_.box.ask([this] { return core_.rotate_tokens(); }, kCore);
  if (!keys) return fail(keys);
  json out{{"key", keys->current.id}, {"previous", json::array()}};
  for (const auto& key : keys->previous) out["previous"].push_back({{"key", key.id}, {"until", to_rfc3339(key.until)}});
  return out.dump();
}

std::shared_ptr<ports::HttpStream> Admin::follow_events() {
  auto follower = std::make_shared<Follower>();
  const auto added = core_.box.ask([this, follower] { return core_.feed.add(follower); }, kCore);
  return added && *added ? follower : nullptr;
}

}  // namespace foyer::app
