#include "drivers/nftables/kernel/table.hpp"

#include <libmnl/libmnl.h>
#include <libnftnl/batch.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>

namespace foyer::drivers::nftables::kernel {
namespace {

constexpr const char* kTable = "foyer";
constexpr std::uint16_t kFamily = NFPROTO_INET;

struct SetDeleter {
  void operator()(nftnl_set* set) const { nftnl_set_free(set); }
};
using Set = std::unique_ptr<nftnl_set, SetDeleter>;

Set make_set(const char* name) {
  Set set(nftnl_set_alloc());
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, kTable);
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, kFamily);
  return set;
}

bool is6(const IpAddress& ip) { return ip.family == IpAddress::Family::v6; }
const char* auth_set(const IpAddress& ip) { return is6(ip) ? "auth6" : "auth4"; }
const char* down_set(const IpAddress& ip) { return is6(ip) ? "down6" : "down4"; }

Bytes down_key(const IpAddress& ip) { return {ip.bytes.begin(), ip.bytes.begin() + (is6(ip) ? 16 : 4)}; }

/// A concatenation: each part padded to whole 32-bit registers.
Bytes auth_key(const ports::GuestKey& guest) {
  Bytes key(guest.mac.bytes.begin(), guest.mac.bytes.end());
  key.resize(8);
  const Bytes ip = down_key(guest.ip);
  key.insert(key.end(), ip.begin(), ip.end());
  return key;
}

Error error_of(int number, std::string_view what) {
  const Code code = number == ENFILE || number == EINVAL || number == EPERM ? Code::refuse : Code::retry;
  if (number == ENFILE) return {code, fmt::format("{}: the set is full", what)};
  return {code, fmt::format("{}: {}", what, std::strerror(number))};
}

}  // namespace

/// One element of a set as the kernel tells it.
struct Table::Element {
  Bytes key;
  std::chrono::milliseconds left{0};
  std::uint64_t bytes = 0, packets = 0;
  std::string comment;
};

void Table::Deleter::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
void Table::Deleter::operator()(nft_ctx* context) const { nft_ctx_free(context); }
Table::Table(Table&&) noexcept = default;
Table& Table::operator=(Table&&) noexcept = default;
Table::~Table() = default;

/// Changes of elements that happen together or not at all. Six small messages at most.
class Table::Batch {
 public:
  explicit Batch(std::uint32_t& sequence) : sequence_(sequence) { finish(nftnl_batch_begin(at(), ++sequence_)); }

  void erase(const char* set, ByteView key) { change(NFT_MSG_DELSETELEM, 0, set, key, nullptr); }
  void insert(const char* set, const Element& element) {
    change(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, set, element.key, &element);
  }
  ByteView close() {
    finish(nftnl_batch_end(at(), ++sequence_));
    return {reinterpret_cast<const std::uint8_t*>(buffer_.data()), size_};
  }

 private:
  char* at() { return buffer_.data() + size_; }
  void finish(const nlmsghdr* message) { size_ += message->nlmsg_len; }

  void change(std::uint16_t type, std::uint16_t flags, const char* name, ByteView key, const Element* data) {
    Set set = make_set(name);
    nftnl_set_elem* element = nftnl_set_elem_alloc();
    nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key.data(), static_cast<std::uint32_t>(key.size()));
    if (data != nullptr) fill(element, *data);
    nftnl_set_elem_add(set.get(), element);
    nlmsghdr* message =
        nftnl_nlmsg_build_hdr(at(), type, kFamily, static_cast<std::uint16_t>(flags | NLM_F_ACK), ++sequence_);
    nftnl_set_elems_nlmsg_build_payload(message, set.get());
    finish(message);
  }

  static void fill(nftnl_set_elem* element, const Element& data) {
    nftnl_set_elem_set_u64(element, NFTNL_SET_ELEM_TIMEOUT, static_cast<std::uint64_t>(data.left.count()));
    nftnl_expr* counter = nftnl_expr_alloc("counter");
    nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_BYTES, data.bytes);
    nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_PACKETS, data.packets);
    nftnl_set_elem_set(element, NFTNL_SET_ELEM_EXPR, counter, 0);
    if (data.comment.empty()) return;
    nftnl_udata_buf* note = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
    nftnl_udata_put_strz(note, NFTNL_UDATA_SET_ELEM_COMMENT, data.comment.c_str());
    nftnl_set_elem_set(element, NFTNL_SET_ELEM_USERDATA, nftnl_udata_buf_data(note), nftnl_udata_buf_len(note));
    nftnl_udata_buf_free(note);
  }

  std::uint32_t& sequence_;
  std::size_t size_ = 0;
  alignas(nlmsghdr) std::array<char, 4096> buffer_{};
};

Result<Table> Table::open() {
  Table table;
  table.nft_.reset(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!table.nft_) return fail(Code::fatal, "libnftables: no context");
  nft_ctx_buffer_output(table.nft_.get());
  nft_ctx_buffer_error(table.nft_.get());
  table.netlink_.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!table.netlink_ || mnl_socket_bind(table.netlink_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return fail(Code::fatal, "netfilter netlink: {}", std::strerror(errno));
  return table;
}

Result<void> Table::run(const std::string& commands) {
  if (nft_run_cmd_from_buffer(nft_.get(), commands.c_str()) == 0) return {};
  std::string why = nft_ctx_get_error_buffer(nft_.get());
  if (const auto end = why.find('\n'); end != std::string::npos) why.resize(end);
  return fail(Code::retry, "nftables: {}", why.empty() ? "refused without a reason" : why);
}

Result<void> Table::admit(const ports::GuestKey& guest, std::chrono::seconds ttl) {
  for (int attempt = 0;; ++attempt) {
    auto in = get(auth_set(guest.ip), auth_key(guest));
    if (!in) return fail(in);
    auto down = get(down_set(guest.ip), down_key(guest.ip));
    if (!down) return fail(down);

    Element up_new{auth_key(guest), ttl, 0, 0, {}};
    Element down_new{down_key(guest.ip), ttl, 0, 0, to_string(guest.mac)};
    Batch batch(sequence_);
    if (!in->empty()) {
      batch.erase(auth_set(guest.ip), up_new.key);
      up_new.bytes = in->front().bytes;
      up_new.packets = in->front().packets;
    }
    if (!down->empty()) {
      batch.erase(down_set(guest.ip), down_new.key);
      const auto owner = parse_mac(down->front().comment);
      if (owner == guest.mac && !in->empty()) {
        down_new.bytes = down->front().bytes;
        down_new.packets = down->front().packets;
      } else if (owner && owner != guest.mac) {
        const Bytes other = auth_key({*owner, guest.ip});
        auto others = get(auth_set(guest.ip), other);
        if (others && !others->empty()) batch.erase(auth_set(guest.ip), other);
      }
    }
    batch.insert(auth_set(guest.ip), up_new);
    batch.insert(down_set(guest.ip), down_new);
    auto done = commit(batch);
    // An element can expire between the look and the change; the second look sees it gone.
    if (done || attempt == 1 || done.error().code != Code::retry) return std::move(done).context("admit");
  }
}

Result<bool> Table::remove(const ports::GuestKey& guest) {
  auto in = get(auth_set(guest.ip), auth_key(guest));
  if (!in) return fail(in);
  auto down = get(down_set(guest.ip), down_key(guest.ip));
  if (!down) return fail(down);
  const bool owns_down = !down->empty() && down->front().comment == to_string(guest.mac);
  if (in->empty() && !owns_down) return false;
  Batch batch(sequence_);
  if (!in->empty()) batch.erase(auth_set(guest.ip), auth_key(guest));
  if (owns_down) batch.erase(down_set(guest.ip), down_key(guest.ip));
  if (auto done = commit(batch); !done) {
    in = get(auth_set(guest.ip), auth_key(guest));
    if (!in || !in->empty()) return fail(std::move(done).context("remove"));
  }
  return true;
}

Result<std::vector<ports::Guest>> Table::guests() {
  std::vector<ports::Guest> all;
  for (const auto family : {IpAddress::Family::v4, IpAddress::Family::v6}) {
    const IpAddress any{family, {}};
    auto in = dump(auth_set(any));
    if (!in) return fail(in);
    auto down = dump(down_set(any));
    if (!down) return fail(down);
    std::map<Bytes, std::uint64_t> received;
    for (const auto& element : *down) received[element.key] = element.bytes;
    for (const auto& element : *in) {
      ports::Guest guest;
      guest.key.ip.family = family;
      std::copy_n(element.key.begin(), 6, guest.key.mac.bytes.begin());
      std::copy(element.key.begin() + 8, element.key.end(), guest.key.ip.bytes.begin());
      guest.left = std::chrono::ceil<std::chrono::seconds>(element.left);
      guest.bytes_up = element.bytes;
      if (const auto found = received.find(down_key(guest.key.ip)); found != received.end())
        guest.bytes_down = found->second;
      all.push_back(guest);
    }
  }
  return all;
}

Result<void> Table::commit(Batch& batch) {
  const ByteView data = batch.close();
  if (mnl_socket_sendto(netlink_.get(), data.data(), data.size()) < 0)
    return tl::make_unexpected(error_of(errno, "netfilter netlink"));
  std::vector<Element> none;
  return receive(0, none);
}

Result<std::vector<Table::Element>> Table::get(const char* set, ByteView key) {
  alignas(nlmsghdr) std::array<char, 512> buffer{};
  Set wanted = make_set(set);
  nftnl_set_elem* element = nftnl_set_elem_alloc();
  nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key.data(), static_cast<std::uint32_t>(key.size()));
  nftnl_set_elem_add(wanted.get(), element);
  nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETSETELEM, kFamily, NLM_F_ACK, ++sequence_);
  nftnl_set_elems_nlmsg_build_payload(message, wanted.get());
  if (mnl_socket_sendto(netlink_.get(), message, message->nlmsg_len) < 0)
    return tl::make_unexpected(error_of(errno, "netfilter netlink"));
  std::vector<Element> found;
  auto got = receive(sequence_, found);
  if (!got) return fail(got);
  return found;
}

Result<std::vector<Table::Element>> Table::dump(const char* set) {
  for (int attempt = 0;; ++attempt) {
    alignas(nlmsghdr) std::array<char, 512> buffer{};
    Set wanted = make_set(set);
    nlmsghdr* message = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETSETELEM, kFamily, NLM_F_DUMP, ++sequence_);
    nftnl_set_elems_nlmsg_build_payload(message, wanted.get());
    if (mnl_socket_sendto(netlink_.get(), message, message->nlmsg_len) < 0)
      return tl::make_unexpected(error_of(errno, "netfilter netlink"));
    std::vector<Element> found;
    auto got = receive(sequence_, found);
    if (got) return found;
    if (attempt == 3) return fail(got);  // changed by somebody else under each of four dumps
  }
}

namespace {

std::string comment_of(nftnl_set_elem* element) {
  std::uint32_t size = 0;
  const auto* data = static_cast<const std::uint8_t*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_USERDATA, &size));
  // One TLV: type, length with the NUL, text (libnftnl's udata).
  if (data == nullptr || size < 3 || data[0] != NFTNL_UDATA_SET_ELEM_COMMENT || data[1] + 2U > size) return {};
  return {reinterpret_cast<const char*>(data) + 2, data[1] - 1U};
}

}  // namespace

/// Reads what the kernel has already queued: it answers within the send, so nothing here waits. With sequence 0 every
/// error counts (a batch), else only answers to that message. Not there is not a failure: `out` stays empty.
Result<void> Table::receive(std::uint32_t sequence, std::vector<Element>& out) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  int failure = 0;
  bool answered = false, interrupted = false;
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(netlink_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) return tl::make_unexpected(error_of(errno, "netfilter netlink"));
    int left = static_cast<int>(got);
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
      if (sequence != 0 && m->nlmsg_seq != sequence) continue;
      interrupted = interrupted || (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (m->nlmsg_type == NLMSG_ERROR) {
        answered = true;
        const int number = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(m))->error;
        if (failure == 0) failure = number;
      } else if (m->nlmsg_type == NLMSG_DONE) {
        answered = true;
      } else if (sequence != 0) {
        Set set(nftnl_set_alloc());
        if (nftnl_set_elems_nlmsg_parse(m, set.get()) < 0) continue;
        nftnl_set_elem_foreach(
            set.get(),
            [](nftnl_set_elem* e, void* into) {
              Element element;
              std::uint32_t size = 0;
              const auto* key = static_cast<const std::uint8_t*>(nftnl_set_elem_get(e, NFTNL_SET_ELEM_KEY, &size));
              element.key.assign(key, key + size);
              element.left = std::chrono::milliseconds(nftnl_set_elem_get_u64(e, NFTNL_SET_ELEM_EXPIRATION));
              const auto* counter = static_cast<const nftnl_expr*>(nftnl_set_elem_get(e, NFTNL_SET_ELEM_EXPR, nullptr));
              if (counter != nullptr) {
                element.bytes = nftnl_expr_get_u64(counter, NFTNL_EXPR_CTR_BYTES);
                element.packets = nftnl_expr_get_u64(counter, NFTNL_EXPR_CTR_PACKETS);
              }
              element.comment = comment_of(e);
              static_cast<std::vector<Element>*>(into)->push_back(std::move(element));
              return 0;
            },
            &out);
      }
    }
  }
  if (interrupted) return fail(Code::retry, "netfilter netlink: the set changed while it was read");
  if (failure == ENOENT && sequence != 0) return {};
  if (failure != 0) return tl::make_unexpected(error_of(failure, "nftables"));
  if (!answered) return fail(Code::retry, "netfilter netlink: no answer");
  return {};
}

}  // namespace foyer::drivers::nftables::kernel
