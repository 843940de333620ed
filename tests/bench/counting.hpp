#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

/// What a run costs besides time. counting.cpp takes the places of operator new, fsync and fdatasync in this program,
/// also for the libraries it loads.
namespace foyer::bench {

std::uint64_t allocations();    ///< by operator new, in the calling thread
std::uint64_t syncs();          ///< fsync and fdatasync, in the whole process
std::uint64_t bytes_written();  ///< given to write and its kin, in the whole process (wchar of /proc/self/io)
std::uint64_t resident();       ///< bytes of this process in memory

class Watch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// The processor's time of the calling thread: for what only computes, so that whoever else computes does not count.
class CpuWatch {
 public:
  double seconds() const { return now() - start_; }

 private:
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }
  double start_ = now();
};

/// Keeps the compiler from leaving out what computes `value`.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

}  // namespace foyer::bench
