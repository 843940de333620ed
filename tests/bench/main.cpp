// foyer-bench: measures foyer. `figures` needs nothing around it; the other words are the phones of a house that
// tests/bench/house.py has opened. One JSON object a line for each figure.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>

#include "figure.hpp"
#include "phones.hpp"

namespace {

using foyer::bench::Figures;

struct Options {
  std::vector<std::string> names;
  std::string folder = "/var/tmp", socket, interface, uplink, address;
  foyer::bench::Street street;
  std::vector<std::string> phones;
  std::uint16_t port = 7;
};

void print_wanted(const Figures& figures, const std::vector<std::string>& names) {
  for (const auto& figure : figures)
    if (std::ranges::find(names, figure.name) != names.end()) print(figure);
}

void measure(const Options& options) {
  using namespace foyer::bench;
  struct Run {
    std::vector<std::string> names;
    std::function<Figures()> measure;
  };
  const std::vector<Run> runs{{{"decode_rate", "decode_allocations"}, decoding},
                              {{"presence_step_ns"}, stepping},
                              {{"presence_growth_bytes"}, growing},
                              {{"match_1000_us"}, matching},
                              {{"redeem_1m_p99_ratio"}, [&] { return redeeming(options.folder); }},
                              {{"bytes_per_event", "fsyncs_per_event"}, [&] { return living(options.folder); }},
                              {{"gate_op_us", "gate_ask_us", "gate_look_ms"}, [&] {
                                 return gating(options.socket, options.interface, options.uplink, options.address);
                               }}};
  for (const auto& run : runs)
    if (std::ranges::find_first_of(run.names, options.names) != run.names.end())
      print_wanted(run.measure(), options.names);
}

/// "10.9.0.1%p1@198.18.0.1": an address, the interface it is on, and the host its probes ask for.
foyer::bench::Phone phone(const std::string& text) {
  const auto host = std::min(text.find('@'), text.size()), interface = std::min(text.find('%'), host);
  const auto after = [](const std::string& one) { return one.empty() ? one : one.substr(1); };
  return {text.substr(0, interface), after(text.substr(interface, host - interface)), after(text.substr(host))};
}

void add_figures(CLI::App& app, Options& options) {
  auto* figures = app.add_subcommand("figures", "Measure what needs no house");
  figures->add_option("NAME", options.names)->required();
  figures->add_option("--folder", options.folder, "On the disk that is measured")->capture_default_str();
  figures->add_option("--gate-socket", options.socket, "foyer-gate's, for gate_op_us");
  figures->add_option("--interface", options.interface);
  figures->add_option("--uplink", options.uplink);
  figures->add_option("--address", options.address);
  figures->callback([&options] { measure(options); });
}

void add_phones(CLI::App& app, Options& options, const std::string& word, Figures (*run)(const foyer::bench::Street&)) {
  auto* phones = app.add_subcommand(word);
  phones->add_option("PHONE", options.phones, "ADDRESS or ADDRESS%INTERFACE[@HOST]")->required();
  phones->add_option("--portal", options.street.portal);
  phones->add_option("--port", options.street.port)->capture_default_str();
  phones->add_option("--internet", options.street.internet);
  phones->add_option("--internet-port", options.street.internet_port)->capture_default_str();
  phones->add_option("--link", options.street.link, "/q/{token}");
  phones->add_option("--rate", options.street.rate, "Draws a second of all together; 0: without a pause");
  phones->callback([&options, run] {
    for (const auto& text : options.phones) options.street.phones.push_back(phone(text));
    for (const auto& figure : run(options.street)) print(figure);
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"foyer-bench: measures foyer"};
  app.require_subcommand(1);
  Options options;
  add_figures(app, options);
  add_phones(app, options, "first-hits", foyer::bench::first_hits);
  add_phones(app, options, "admissions", foyer::bench::admissions);
  add_phones(app, options, "redirects", foyer::bench::redirects);
  add_phones(app, options, "draws", foyer::bench::draws);
  add_phones(app, options, "fence", foyer::bench::fence);
  add_phones(app, options, "traffic", [](const foyer::bench::Street& street) {
    foyer::bench::traffic(street);
    return Figures{};
  });
  std::string internet;
  auto* echo = app.add_subcommand("echo", "Send datagrams back");
  echo->add_option("--internet", internet)->required();
  echo->add_option("--port", options.port)->capture_default_str();
  echo->callback([&] { foyer::bench::echo(internet, options.port); });
  auto* sink = app.add_subcommand("sink", "Take connections and close them");
  sink->add_option("--port", options.port)->capture_default_str();
  sink->callback([&options] { foyer::bench::sink(options.port); });
  try {
    CLI11_PARSE(app, argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "foyer-bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
