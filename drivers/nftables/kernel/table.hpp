#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "base/result.hpp"
#include "ports/gate.hpp"

struct mnl_socket;
struct nft_ctx;

namespace foyer::drivers::nftables::kernel {

/// Table `inet foyer` of the kernel: rules by libnftables, guests by netlink of our own. One thread. The table and its
/// guests stay when this object goes.
class Table {
 public:
  static Result<Table> open();
  Table(Table&&) noexcept;
  Table& operator=(Table&&) noexcept;
  ~Table();

  /// Runs nft commands as one transaction: all of them or none.
  Result<void> run(const std::string& commands);

  /// In for `ttl` from now; a guest who is in keeps the counters, also on kernels that cannot change an element's
  /// timeout. An address belongs to one MAC: another MAC that had it is out.
  Result<void> admit(const ports::GuestKey& guest, std::chrono::seconds ttl);
  /// True when the guest was in.
  Result<bool> remove(const ports::GuestKey& guest);
  Result<std::vector<ports::Guest>> guests();

 private:
  struct Deleter {
    void operator()(mnl_socket* socket) const;
    void operator()(nft_ctx* context) const;
  };
  struct Element;
  class Batch;
  Table() = default;
  Result<void> commit(Batch& batch);
  Result<std::vector<Element>> dump(const char* set);
  Result<std::vector<Element>> get(const char* set, ByteView key);
  Result<void> receive(std::uint32_t sequence, std::vector<Element>& out);

  std::unique_ptr<nft_ctx, Deleter> nft_;
  std::unique_ptr<mnl_socket, Deleter> netlink_;
  std::uint32_t sequence_ = 0;
};

}  // namespace foyer::drivers::nftables::kernel
