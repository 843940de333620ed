#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace foyer::test {

/// A dbus-daemon of our own in a directory of its own, as the system bus of this process. start() and stop() may
/// alternate; the address stays.
class TestBus {
 public:
  TestBus() {
    char name[] = "/tmp/foyer-bus-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = name;
    std::ofstream(directory_ + "/bus.conf") << R"(<busconfig>
  <listen>unix:path=)" << directory_ << R"(/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>)";
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", address().c_str(), 1);
  }
  ~TestBus() {
    stop();
    std::filesystem::remove_all(directory_);
  }
  TestBus(const TestBus&) = delete;

  std::string address() const { return "unix:path=" + directory_ + "/bus"; }

  /// Returns when the daemon takes connections: it prints its address then.
  void start() {
    int ready[2];
    if (::pipe(ready) != 0) throw std::runtime_error("pipe");
    const auto config = "--config-file=" + directory_ + "/bus.conf";
    const auto print = "--print-address=" + std::to_string(ready[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nosyslog", "--nopidfile", config.c_str(), print.c_str(),
               nullptr);
      ::_exit(127);
    }
    ::close(ready[1]);
    char text[256];
    ssize_t got;
    do got = ::read(ready[0], text, sizeof text);
    while (got < 0 && errno == EINTR);
    ::close(ready[0]);
    if (got <= 0) throw std::runtime_error("dbus-daemon did not start");
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    std::filesystem::remove(directory_ + "/bus");
  }

 private:
  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace foyer::test
