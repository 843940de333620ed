#include "ledger/reserve.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace foyer::ledger {

std::uint64_t free_bytes(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return UINT64_MAX;
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

std::uint64_t file_bytes(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

Result<void> allocate(const std::string& path, std::int64_t bytes) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::fatal, "{}: {}", path, std::strerror(errno));
  const int why = ::posix_fallocate(fd, 0, bytes);
  ::close(fd);
  if (why == 0) return {};
  ::unlink(path.c_str());
  return fail(Code::fatal, "{}: {}", path, std::strerror(why));
}

void Ballast::make_way(const std::string& database) {
  constexpr std::uint64_t kToOpen = 256 * 1024;
  if (free_bytes(database.substr(0, database.rfind('/') + 1) + ".") < kToOpen)
    ::unlink((database + ".ballast").c_str());
}

bool Ballast::take() {
  if (held_) return true;
  const bool left_over = file_bytes(path_) == static_cast<std::uint64_t>(kBytes);
  held_ = left_over || (free_bytes(path_.substr(0, path_.rfind('/') + 1) + ".") >= 2 * kBytes &&
                        allocate(path_, kBytes).has_value());
  return held_;
}

void Ballast::release() {
  if (!held_) return;
  ::unlink(path_.c_str());
  held_ = false;
}

}  // namespace foyer::ledger
