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

/// One `label hex` line of a key file; token keys have a third word.
struct Line {
  std::int64_t label = 0;
  Pseudonyms::Key key{};
  std::optional<std::int64_t> until = std::nullopt;
};

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && !text.empty();
}

std::optional<Line> parse_line(const std::string& row) {
  std::istringstream words(row);
  std::string label, hex, until, more;
  words >> label >> hex >> until >> more;
  const auto key = from_hex(hex);
  Line line;
  if (!read_number(label, line.label) || !key || key->size() != line.key.size() || !more.empty()) return std::nullopt;
  if (!until.empty() && !read_number(until, line.until.emplace())) return std::nullopt;
  std::copy(key->begin(), key->end(), line.key.begin());
  return line;
}

Result<std::vector<Line>> parse_lines(const std::string& path, const std::string& text) {
  std::vector<Line> lines;
  std::istringstream in(text);
  std::string row;
  while (std::getline(in, row)) {
    const auto line = parse_line(row);
    if (!line)
      return fail(Code::fatal, "{}: line {} is not `number 64-hex`; restore the file, or remove it to make new keys",
                  path, lines.size() + 1);
    lines.push_back(*line);
  }
  if (lines.empty()) return fail(Code::fatal, "{}: empty; restore the file, or remove it to make new keys", path);
  return lines;
}

std::string format_lines(const std::vector<Line>& lines) {
  std::string text;
  for (const auto& line : lines)
    text += line.until ? fmt::format("{} {} {}\n", line.label, to_hex(line.key), *line.until)
                       : fmt::format("{} {}\n", line.label, to_hex(line.key));
  return text;
}

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::ceil<std::chrono::seconds>(time.time_since_epoch()).count();
}

portal::TokenKeys::Key token_key(const Line& line) {
  return {static_cast<std::uint8_t>(line.label), line.key, WallTime{std::chrono::seconds{line.until.value_or(0)}}};
}

Result<void> write_tokens(const std::string& folder, const portal::TokenKeys& keys) {
  const auto line_of = [](const auto& key) { return Line{key.id, key.secret, unix_seconds(key.until)}; };
  std::vector<Line> lines{line_of(keys.current)};
  for (const auto& key : keys.previous) lines.push_back(line_of(key));
  return replace_file(folder, "token.keys", format_lines(lines));
}

/// 1 to 255, not one in use.
std::uint8_t free_id(const portal::TokenKeys& keys) {
  auto id = keys.current.id;
  do id = static_cast<std::uint8_t>(id == 255 ? 1 : id + 1);
  while (keys.find(id) != nullptr);
  return id;
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
  secrets.tokens.current = token_key(tokens->front());
  for (std::size_t i = 1; i < tokens->size(); ++i) secrets.tokens.previous.push_back(token_key((*tokens)[i]));

  const auto pseudonyms = load_lines(folder, "pseudonym.keys", unix_ms(now), random);
  if (!pseudonyms) return fail(pseudonyms);
  for (const auto& line : *pseudonyms) secrets.pseudonyms.push_back({from_unix_ms(line.label), line.key});

  for (auto [name, into] : {std::pair{"holdout.key", &secrets.holdout}, std::pair{"beacon.key", &secrets.beacons},
                            std::pair{"coupon.key", &secrets.coupons}}) {
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

Result<void> note_signed(const std::string& folder, Secrets& secrets, WallTime until) {
  if (until <= secrets.tokens.current.until) return {};
  auto keys = secrets.tokens;
  keys.current.until = std::chrono::ceil<std::chrono::days>(until);
  if (auto written = write_tokens(folder, keys); !written) return written;
  secrets.tokens = std::move(keys);
  return {};
}

Result<void> rotate_tokens(const std::string& folder, Secrets& secrets, WallTime least, const Random& random,
                           WallTime now) {
  auto keys = secrets.tokens;
  keys.current.until = std::max(keys.current.until, least);
  keys.previous.insert(keys.previous.begin(), keys.current);
  std::erase_if(keys.previous, [&](const auto& key) { return key.until <= now; });
  if (keys.previous.size() >= kTokenKeys)
    return fail(
        Code::refuse, "{} earlier keys still have tokens out; the first is over at {}", keys.previous.size() - 1,
        to_rfc3339(std::min_element(keys.previous.begin(), keys.previous.end(), [](const auto& a, const auto& b) {
                     return a.until < b.until;
                   })->until));
  keys.current = {free_id(keys), {}, WallTime{}};
  random(keys.current.secret);
  if (auto written = write_tokens(folder, keys); !written) return written;
  secrets.tokens = std::move(keys);
  return {};
}

}  // namespace foyer::app
