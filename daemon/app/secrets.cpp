#include "app/secrets.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

namespace foyer::app {

namespace {

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || file.bad()) return fail(Code::fatal, "read {}: {}", path, std::strerror(errno));
  return text.str();
}

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto wrote = write(fd, text.data(), text.size());
    if (wrote < 0) return fail(Code::fatal, "{}", std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (fsync(fd) != 0) return fail(Code::fatal, "{}", std::strerror(errno));
  return {};
}

Result<void> sync_folder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(Code::fatal, "open {}: {}", folder, std::strerror(errno));
  const bool synced = fsync(fd) == 0;
  close(fd);
  if (!synced) return fail(Code::fatal, "sync {}: {}", folder, std::strerror(errno));
  return {};
}

Result<void> replace_file(const std::string& folder, const std::string& name, std::string_view text) {
  const auto path = folder + "/" + name, aside = path + ".new";
  const int fd = open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::fatal, "write {}: {}", aside, std::strerror(errno));
  auto written = write_all(fd, text);
  close(fd);
  if (!written) return std::move(written).context("write " + aside);
  if (rename(aside.c_str(), path.c_str()) != 0) return fail(Code::fatal, "rename {}: {}", aside, std::strerror(errno));
  return sync_folder(folder);
}

/// One `label hex` line of a key file.
struct Line {
  std::int64_t label = 0;
  Pseudonyms::Key key{};
};

Result<std::vector<Line>> parse_lines(const std::string& path, const std::string& text) {
  std::vector<Line> lines;
  std::istringstream in(text);
  std::string row;
  while (std::getline(in, row)) {
    const auto space = row.find(' ');
    const auto key = space == std::string::npos ? std::nullopt : from_hex(std::string_view(row).substr(space + 1));
    Line line;
    const auto parsed = std::from_chars(row.data(), row.data() + std::min(space, row.size()), line.label);
    if (!key || key->size() != line.key.size() || parsed.ec != std::errc{} || parsed.ptr != row.data() + space)
      return fail(Code::fatal, "{}: line {} is not `number 64-hex`; restore the file, or remove it to make new keys",
                  path, lines.size() + 1);
    std::copy(key->begin(), key->end(), line.key.begin());
    lines.push_back(line);
  }
  if (lines.empty()) return fail(Code::fatal, "{}: empty; restore the file, or remove it to make new keys", path);
  return lines;
}

std::string format_lines(const std::vector<Line>& lines) {
  std::string text;
  for (const auto& line : lines) text += fmt::format("{} {}\n", line.label, to_hex(line.key));
  return text;
}

/// The lines of a key file; a missing file is made with one line of randomness under `label`.
Result<std::vector<Line>> load_lines(const std::string& folder, const std::string& name, std::int64_t label,
                                     const Random& random) {
  const auto path = folder + "/" + name;
  if (access(path.c_str(), F_OK) == 0) {
    auto text = read_file(path);
    if (!text) return fail(text);
    return parse_lines(path, *text);
  }
  std::vector<Line> lines(1);
  lines[0].label = label;
  random(lines[0].key);
  if (auto written = replace_file(folder, name, format_lines(lines)); !written) return fail(written);
  return lines;
}

}  // namespace

Result<Secrets> load_secrets(const std::string& folder, const Random& random, WallTime now) {
  Secrets secrets;
  const auto tokens = load_lines(folder, "token.keys", 1, random);
  if (!tokens) return fail(tokens);
  const auto key_of = [](const Line& line) {
    return portal::TokenKeys::Key{static_cast<std::uint8_t>(line.label), line.key};
  };
  secrets.tokens.current = key_of(tokens->front());
  if (tokens->size() > 1) secrets.tokens.previous = key_of((*tokens)[1]);

  const auto pseudonyms = load_lines(folder, "pseudonym.keys", unix_ms(now), random);
  if (!pseudonyms) return fail(pseudonyms);
  for (const auto& line : *pseudonyms) secrets.pseudonyms.push_back({from_unix_ms(line.label), line.key});

  for (auto [name, into] : {std::pair{"holdout.key", &secrets.holdout}, std::pair{"beacon.key", &secrets.beacons}}) {
    const auto lines = load_lines(folder, name, 1, random);
    if (!lines) return fail(lines);
    into->assign(lines->front().key.begin(), lines->front().key.end());
  }
  return secrets;
}

Result<bool> rotate_pseudonyms(const std::string& folder, Secrets& secrets, std::chrono::hours age,
                               const Random& random, WallTime now) {
  if (now - secrets.pseudonyms.front().made < age) return false;
  DatedKey fresh{now, {}};
  random(fresh.key);
  auto keys = secrets.pseudonyms;
  keys.insert(keys.begin(), fresh);
  if (keys.size() > kPseudonymKeys) keys.resize(kPseudonymKeys);
  std::vector<Line> lines;
  lines.reserve(keys.size());
  for (const auto& key : keys) lines.push_back({unix_ms(key.made), key.key});
  if (auto written = replace_file(folder, "pseudonym.keys", format_lines(lines)); !written) return fail(written);
  secrets.pseudonyms = std::move(keys);
  return true;
}

}  // namespace foyer::app
