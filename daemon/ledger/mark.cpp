#include "ledger/mark.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

namespace foyer::ledger {
namespace {
constexpr std::size_t kLine = 256;  // within one sector: written whole or not at all
constexpr std::string_view kDamage = "damaged\n";
}  // namespace

std::optional<std::uint64_t> Mark::missing_in(const Mark& now) const {
  std::uint64_t missing = 0;
  for (std::size_t i = 0; i < last.size(); ++i) missing += last[i] - std::min(last[i], now.last[i]);
  const bool sealed = seal == 0 || seal == now.seal;
  const bool same = epoch == now.epoch && inode == now.inode && sealed && boot <= now.boot && missing == 0;
  if (same) return std::nullopt;
  return epoch == now.epoch ? missing : 0;
}

std::optional<Mark> read_mark(int fd) {
  char text[kLine];
  const auto got = ::pread(fd, text, sizeof text, 0);
  if (got <= 0) return std::nullopt;
  std::istringstream line(std::string(text, static_cast<std::size_t>(got)));
  Mark mark;
  line >> mark.epoch >> mark.boot >> mark.inode;
  for (auto& last : mark.last) line >> last;
  if (!line || mark.epoch.size() != 16) return std::nullopt;
  if (!(line >> mark.seal)) mark.seal = 0;
  return mark;
}

void write_mark(int fd, const Mark& mark) {
  auto line = fmt::format("{} {} {}", mark.epoch, mark.boot, mark.inode);
  for (const auto last : mark.last) line += fmt::format(" {}", last);
  line += fmt::format(" {}", mark.seal);
  line.resize(kLine - 1, ' ');
  line += '\n';
  if (::pwrite(fd, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size())) ::fdatasync(fd);
}

void note_damage(int fd) {
  if (::pwrite(fd, kDamage.data(), kDamage.size(), kLine) == static_cast<ssize_t>(kDamage.size())) ::fdatasync(fd);
}

bool damage_noted(int fd) {
  char text[kDamage.size()];
  return ::pread(fd, text, sizeof text, kLine) == static_cast<ssize_t>(sizeof text) &&
         std::string_view(text, sizeof text) == kDamage;
}

void forget_damage(int fd) {
  if (damage_noted(fd) && ::ftruncate(fd, kLine) == 0) ::fdatasync(fd);
}

std::uint64_t inode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_ino) : 0;
}

std::uint64_t seal_of(const std::string& path) {
  struct stat info {};
  if (::stat((path + ".seal").c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.st_ctim.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(info.st_ctim.tv_nsec);
}

std::uint64_t touch_seal(const std::string& path) {
  const int fd = ::open((path + ".seal").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return 0;
  const bool touched = ::futimens(fd, nullptr) == 0 && ::fsync(fd) == 0;
  ::close(fd);
  return touched ? seal_of(path) : 0;
}

}  // namespace foyer::ledger
