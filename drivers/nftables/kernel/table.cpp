#include "drivers/nftables/kernel/table.hpp"

#include <libnftnl/batch.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>

#include <cstring>

#include "drivers/nftables/kernel/netlink.hpp"
#include "drivers/nftables/ruleset.hpp"

namespace foyer::drivers::nftables::kernel {
namespace {

using wire::Kind;
constexpr std::array kLooked{"auth4", "down4", "auth6", "down6"};

std::string name_of(Kind kind, const wire::Key& key) {
  return wire::kKinds[static_cast<std::size_t>(kind)] + std::string(key.ip.family == 6 ? "6" : "4");
}

/// auth is a concatenation, each part padded to whole 32-bit registers; the others go by address alone.
Bytes key_of(Kind kind, const wire::Key& key) {
  Bytes bytes;
  if (kind == Kind::auth) bytes.assign(key.mac.begin(), key.mac.end());
  if (kind == Kind::auth) bytes.resize(8);
  bytes.insert(bytes.end(), key.ip.bytes.begin(), key.ip.bytes.begin() + (key.ip.family == 6 ? 16 : 4));
  return bytes;
}

wire::Key key_from(ByteView bytes, bool auth) {
  wire::Key key;
  if (auth) std::copy_n(bytes.begin(), 6, key.mac.begin());
  bytes = bytes.subspan(auth ? 8 : 0);
  key.ip.family = bytes.size() == 16 ? 6 : 4;
  std::copy(bytes.begin(), bytes.end(), key.ip.bytes.begin());
  return key;
}

mnl_socket* open_socket() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket != nullptr) mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID);
  return socket;
}

}  // namespace

void Table::Deleter::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

/// What happens together or not at all: kMaxChanges elements and objects of some 200 bytes each.
class Table::Batch {
 public:
  explicit Batch(std::uint32_t& sequence) : sequence_(sequence) { end(nftnl_batch_begin(at(), ++sequence_)); }

  void element(std::uint16_t type, int flags, const std::string& set, const Element& element) {
    nftnl_set_elems_nlmsg_build_payload(begin(type, flags), make_set(set, element).get());
    end(last_);
  }
  void object(std::uint16_t type, int flags, const Object& object) {
    nftnl_obj_nlmsg_build_payload(begin(type, flags), object.get());
    end(last_);
  }
  bool empty() const { return last_ == nullptr; }
  /// Of all that went well only the last is answered.
  ByteView close() {
    last_->nlmsg_flags |= NLM_F_ACK;
    end(nftnl_batch_end(at(), ++sequence_));
    return {reinterpret_cast<const std::uint8_t*>(buffer_.data()), size_};
  }

 private:
  char* at() { return buffer_.data() + size_; }
  nlmsghdr* begin(std::uint16_t type, int flags) {
    return last_ = nftnl_nlmsg_build_hdr(at(), type, NFPROTO_INET, static_cast<std::uint16_t>(flags), ++sequence_);
  }
  void end(const nlmsghdr* message) { size_ += message->nlmsg_len; }

  std::uint32_t& sequence_;
  std::size_t size_ = 0;
  nlmsghdr* last_ = nullptr;
  alignas(nlmsghdr) std::array<char, 8192> buffer_;
};

Result<Table> Table::open() {
  Table table;
  table.netlink_.reset(open_socket());
  if (!table.netlink_) return fail(Code::fatal, "netfilter netlink: {}", std::strerror(errno));
  return table;
}

Result<void> Table::run(const std::string& commands) {
  const std::unique_ptr<nft_ctx, Freed<nft_ctx_free>> nft(nft_ctx_new(NFT_CTX_DEFAULT));  // it remembers definitions
  nft_ctx_buffer_output(nft.get());
  nft_ctx_buffer_error(nft.get());
  if (nft_run_cmd_from_buffer(nft.get(), commands.c_str()) == 0) return {};
  std::string why = nft_ctx_get_error_buffer(nft.get());
  if (const auto newline = why.find('\n'); newline != std::string::npos) why.resize(newline);
  return fail(Code::retry, "nftables: {}", why.empty() ? "refused without a reason" : why);
}

Result<void> Table::lay(const ports::GatePolicy& policy) {
  auto rules = ruleset(policy);
  if (!rules) return fail(rules);
  auto laid = run(has_our_sets() ? *rules : kRemoval + *rules + survivors());
  if (laid) policy_ = policy;
  return laid;
}

/// A chain of this name says so (rules/foyer.nft).
bool Table::has_our_sets() {
  alignas(nlmsghdr) std::array<char, 512> buffer;
  nlmsghdr* ask = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETCHAIN, NFPROTO_INET, 0, ++sequence_);
  mnl_attr_put_strz(ask, NFTA_CHAIN_TABLE, kTable);
  mnl_attr_put_strz(ask, NFTA_CHAIN_NAME, "layout_2");
  return exchange(netlink_.get(), ask, ask->nlmsg_len, [](const nlmsghdr*) {}) == 0;
}

Result<void> Table::take_away() { return run(kRemoval); }

/// Those who are in, as nft commands that put them in again.
std::string Table::survivors() {
  std::string text;
  begin_look();
  for (auto more = Result<bool>(true); more && *more;) {
    const std::string set = kLooked[set_];
    const bool auth = set.starts_with("auth");
    std::vector<Element> elements;
    more = next_elements(elements);
    for (const auto& one : elements) {
      const auto guest = wire::unpack(key_from(one.key, auth));
      text += fmt::format("add element inet foyer {} {{ {}{} counter packets {} bytes {} timeout {}s{} }}\n", set,
                          auth ? to_string(guest.mac) + " . " : "", to_string(guest.ip), one.packets, one.bytes,
                          one.left.count() / 1000 + 1, auth ? "" : " comment \"" + to_string(one.owner) + '"');
    }
  }
  return text;
}

int Table::change(std::span<const wire::Change> changes, wire::Traffic& used) {
  Batch batch(sequence_);
  std::array<std::optional<Element>, wire::kKinds.size()> dropped;
  bool adds = false;
  for (const auto& change : changes) {
    auto& before = dropped[static_cast<std::size_t>(change.kind)];
    adds = adds || change.add != 0;
    if (change.add != 0) {
      add(batch, change, before);
      continue;
    }
    const auto drop = [&](Kind kind, const wire::Key& key) {
      auto there = get(name_of(kind, key), key_of(kind, key));
      if (there) batch.element(NFT_MSG_DELSETELEM, 0, name_of(kind, key), {there->key});
      return there;
    };
    if (change.kind == Kind::down) {
      const auto there = get(name_of(change.kind, change.key), key_of(change.kind, change.key));
      const bool foreign = there && there->owner.bytes != change.key.mac;
      if (foreign && change.anybodys == 0) continue;
      if (foreign) drop(Kind::auth, {there->owner.bytes, change.key.ip});
    }
    before = drop(change.kind, change.key);
    if (before && change.kind == Kind::auth) used.up = before->bytes;
    if (before && change.kind == Kind::down) used.down = before->bytes;
  }
  const int error = batch.empty() ? 0 : commit(batch);
  if (error == 0 && !adds && !changes.empty()) drop_unused_objects({changes.front().key.mac});
  return error;
}

void Table::add(Batch& batch, const wire::Change& change, const std::optional<Element>& dropped) {
  constexpr int kNew = NLM_F_CREATE | NLM_F_EXCL;
  Element element{key_of(change.kind, change.key), std::chrono::seconds(change.ttl_seconds), change.bytes};
  if (change.kind == Kind::down) element.owner = {change.key.mac};
  if (dropped && dropped->owner == element.owner) {
    element.bytes = dropped->bytes;
    element.packets = dropped->packets;
  }
  if (change.kind >= Kind::quota) {  // one object for all addresses of the MAC: there already is as good
    element.object = wire::kKinds[static_cast<std::size_t>(change.kind)] + to_hex(change.key.mac);
    batch.object(NFT_MSG_NEWOBJ, NLM_F_CREATE,
                 make_object(element.object, change.kind == Kind::quota, limit(change.kind), change.bytes));
  }
  batch.element(NFT_MSG_NEWSETELEM, kNew, name_of(change.kind, change.key), element);
}

std::uint64_t Table::limit(Kind kind) const {
  return kind == Kind::quota ? policy_.quota : kind == Kind::up ? policy_.up_bps : policy_.down_bps;
}

/// The kernel refuses while another address of the MAC uses them.
void Table::drop_unused_objects(const MacAddress& mac) {
  Batch batch(sequence_);
  for (const auto kind : {Kind::quota, Kind::up, Kind::fall})
    if (limit(kind) != 0) {
      const auto name = wire::kKinds[static_cast<std::size_t>(kind)] + to_hex(mac.bytes);
      batch.object(NFT_MSG_DELOBJ, 0, make_object(name, kind == Kind::quota, 1, 0));
    }
  if (!batch.empty()) commit(batch);
}

int Table::commit(Batch& batch) {
  const ByteView data = batch.close();
  return exchange(netlink_.get(), data.data(), data.size(), [](const nlmsghdr*) {});
}

std::optional<Element> Table::get(const std::string& set, Bytes key) {
  alignas(nlmsghdr) std::array<char, 512> buffer;
  nlmsghdr* ask = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETSETELEM, NFPROTO_INET, 0, ++sequence_);
  nftnl_set_elems_nlmsg_build_payload(ask, make_set(set, {std::move(key)}).get());
  std::vector<Element> found;
  exchange(netlink_.get(), ask, ask->nlmsg_len, [&](const nlmsghdr* m) { read_elements(m, found); });
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

void Table::begin_look() {
  dumps_.reset(open_socket());  // ends what was under way
  set_ = 0;
  attempt_ = 0;
  asked_ = interrupted_ = false;
}

Result<bool> Table::next_rows(std::vector<wire::Row>& rows) {
  const bool auth = *kLooked[set_] == 'a';
  std::vector<Element> elements;
  const auto more = next_elements(elements);
  for (const auto& element : elements)
    rows.push_back({key_from(element.key, auth), static_cast<std::uint32_t>((element.left.count() + 999) / 1000),
                    auth ? 0U : 1U, element.bytes});
  return more;
}

/// A dump during which the table changed is made again, twice at most: what it then misses, the next look has.
Result<bool> Table::next_elements(std::vector<Element>& elements) {
  if (!std::exchange(asked_, true)) {
    alignas(nlmsghdr) std::array<char, 512> buffer;
    nlmsghdr* ask = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP, ++sequence_);
    nftnl_set_elems_nlmsg_build_payload(ask, make_set(kLooked[set_], {}).get());
    if (mnl_socket_sendto(dumps_.get(), ask, ask->nlmsg_len) < 0)
      return fail(Code::retry, "look: {}", std::strerror(errno));
  }
  bool done = false;
  const int error = receive_one(dumps_.get(), [&](const nlmsghdr* m) {
    interrupted_ = interrupted_ || (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    done = done || m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR;  // an error: there is no such set yet
    if (m->nlmsg_type >= NLMSG_MIN_TYPE) read_elements(m, elements);
  });
  if (error != 0 && error != EINTR) return fail(Code::retry, "look: {}", std::strerror(error));
  if (!done) return true;
  asked_ = false;
  if (!std::exchange(interrupted_, false) || ++attempt_ > 2) {
    attempt_ = 0;
    ++set_;
  }
  return set_ < kLooked.size();
}

Result<Tallies> Table::tallies() {
  Tallies packets{};
  alignas(nlmsghdr) std::array<char, 512> buffer;
  nlmsghdr* ask = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETOBJ, NFPROTO_INET, NLM_F_DUMP, ++sequence_);
  mnl_attr_put_strz(ask, NFTA_OBJ_TABLE, kTable);
  mnl_attr_put_u32(ask, NFTA_OBJ_TYPE, htobe32(NFT_OBJECT_COUNTER));
  const int error = exchange(netlink_.get(), ask, ask->nlmsg_len, [&](const nlmsghdr* m) {
    const Object object(nftnl_obj_alloc());
    if (m->nlmsg_type < NLMSG_MIN_TYPE || nftnl_obj_nlmsg_parse(m, object.get()) < 0) return;
    const std::string_view name = nftnl_obj_get_str(object.get(), NFTNL_OBJ_NAME);
    for (std::size_t i = 0; i < packets.size(); ++i)
      if (name == wire::kTallies[i]) packets[i] = nftnl_obj_get_u64(object.get(), NFTNL_OBJ_CTR_PKTS);
  });
  if (error != 0) return fail(Code::retry, "tallies: {}", std::strerror(error));
  return packets;
}

}  // namespace foyer::drivers::nftables::kernel
