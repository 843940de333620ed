#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace foyer::test {

/// A real mosquitto on a loopback port of its own, with its files in a directory of its own; gone with the object.
/// Throws std::runtime_error, with the broker's log, when it does not come up.
class Broker {
 public:
  enum class Start { now, later };

  /// `lines` are added to the configuration. Without an allow_anonymous among them everyone may come.
  explicit Broker(std::vector<std::string> lines = {}, Start start = Start::now) : lines_(std::move(lines)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "foyer-broker-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    dir_ = pattern;
    port_ = free_port();
    if (start == Start::now) this->start();
  }
  ~Broker() {
    if (pid_ > 0) end(SIGKILL);
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  std::uint16_t port() const { return port_; }
  const std::filesystem::path& dir() const { return dir_; }
  void set_lines(std::vector<std::string> lines) { lines_ = std::move(lines); }

  /// On the same port each time. Returns when connections are accepted.
  void start() {
    write_configuration();
    const auto configuration = (dir_ / "mosquitto.conf").string(), log = (dir_ / "log").string();
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(out, 1);
      dup2(out, 2);
      for (const char* path : {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"})
        execl(path, "mosquitto", "-c", configuration.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!accepts()) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        throw std::runtime_error("mosquitto ended at once: " + this->log());
      }
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("mosquitto does not listen: " + this->log());
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
  }
  void stop() { end(SIGTERM); }             ///< in order: state is saved where persistence is on
  void kill() { end(SIGKILL); }             ///< kill -9
  void freeze() { ::kill(pid_, SIGSTOP); }  ///< the kernel goes on taking what is sent; nobody answers
  void thaw() { ::kill(pid_, SIGCONT); }
  /// Reads the configuration's password and ACL files again.
  void reload() { ::kill(pid_, SIGHUP); }

  std::string log() const {
    std::ifstream in(dir_ / "log");
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

 private:
  static std::uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("no free port");
    close(fd);
    return ntohs(address.sin_port);
  }
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  bool accepts() const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port_);
    const bool open = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return open;
  }
  void write_configuration() const {
    std::ofstream out(dir_ / "mosquitto.conf");
    out << "listener " << port_ << " 127.0.0.1\n"
        << "user root\n";  // root: no change of user, so dir_ stays writable
    bool said = false;
    for (const auto& line : lines_) {
      out << line << '\n';
      said = said || line.starts_with("allow_anonymous");
    }
    if (!said) out << "allow_anonymous true\n";
  }
  void end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    if (signal != SIGKILL) ::kill(pid_, SIGCONT);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  std::vector<std::string> lines_;
  std::filesystem::path dir_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace foyer::test
