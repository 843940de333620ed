#include "drivers/nftables/kernel/table.hpp"

#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>

#include <algorithm>
#include <cerrno>

#include "drivers/netlink.hpp"

namespace foyer::drivers::nftables::kernel {
namespace {

using netlink::attributes, netlink::number, netlink::within;
using std::chrono::seconds;
constexpr const char* kRemoval = "add table inet foyer\ndelete table inet foyer\n";

std::string of_family(const char* set, const wire::Key& guest) {
  return set + std::string(guest.size == wire::Key::kSize6 ? "6" : "4");
}

struct Limit {
  const char* name;  ///< of its maps; all addresses of a guest share one object
  std::uint64_t value;
  bool is_quota() const { return *name == 'q'; }
  std::string object(const wire::Key& guest) const { return name + to_hex(guest.mac()); }
};
std::vector<Limit> limits(const ports::GatePolicy& policy) {
  std::vector<Limit> all{{"quota", policy.quota}, {"up", policy.up_bps}, {"fall", policy.down_bps}};
  std::erase_if(all, [](const Limit& limit) { return limit.value == 0; });
  return all;
}

Result<void> run(const std::string& commands) {
  const std::unique_ptr<nft_ctx, decltype(&nft_ctx_free)> nft(nft_ctx_new(NFT_CTX_DEFAULT), nft_ctx_free);
  nft_ctx_buffer_output(nft.get());
  nft_ctx_buffer_error(nft.get());
  if (nft_run_cmd_from_buffer(nft.get(), commands.c_str()) == 0) return {};
  const std::string_view why = nft_ctx_get_error_buffer(nft.get());
  return fail(Code::retry, "nftables: {}", why.substr(0, why.find('\n')));
}

}  // namespace

Result<void> Table::lay(const ports::GatePolicy& policy) {
  const auto text = rules(policy);
  if (!text) return fail(text);
  const auto known = is_laid();
  // Of any other failure it is not known whether the table is ours: it stays.
  if (!known && known.error().message.find(std::strerror(ENOENT)) == std::string::npos) return known;
  auto laid = run(known ? *text : kRemoval + *text);
  if (laid) policy_ = policy;
  return laid;
}

Result<void> Table::is_laid() { return run("list chain inet foyer layout_2\n"); }  // rules/foyer.nft

Result<void> Table::take_away() { return run(kRemoval); }

void Table::put_limits(const wire::Key& guest, seconds time, std::uint64_t used) {
  for (const auto& limit : limits(policy_)) {
    const std::string name = limit.object(guest);
    netlink_.object(NFT_MSG_NEWOBJ, name, limit.is_quota(), limit.value, used);
    netlink_.element(NFT_MSG_NEWSETELEM, NLM_F_CREATE, of_family(limit.name, guest), {guest.ip(), time, {}, name});
  }
}

void Table::put_in(const wire::Key& guest, seconds time, const wire::Traffic& used) {
  constexpr int kNew = NLM_F_CREATE | NLM_F_EXCL;
  netlink_.element(NFT_MSG_NEWSETELEM, kNew, of_family("auth", guest), {guest.pair(), time, used.up});
  netlink_.element(NFT_MSG_NEWSETELEM, kNew, of_family("down", guest), {guest.ip(), time, used.down});
  put_limits(guest, time, used.up + used.down);
}

/// Who has the guest's address: most often the guest. Else whoever it is must be sought.
Table::Held Table::held(const wire::Key& guest) {
  Held held{guest, {}, {}};
  netlink_.elements(of_family("down", guest), guest.ip(), [&](const Element& one) { held.down = one.bytes; });
  netlink_.elements(of_family("auth", guest), guest.pair(), [&](const Element& one) { held.up = one.bytes; });
  if (held.down && !held.up)
    netlink_.elements(of_family("auth", guest), {}, [&](const Element& one) {
      if (!std::ranges::equal(one.key.subspan(wire::Key::kIp), guest.ip())) return;
      std::ranges::copy(one.key, held.holder.bytes.begin());
      held.up = one.bytes;
    });
  return held;
}

/// Limits are put in before they are dropped: what is there already is no error, what is missing would be one.
void Table::put_out(const Held& held) {
  const auto& guest = held.holder;
  if (held.up) netlink_.element(NFT_MSG_DELSETELEM, 0, of_family("auth", guest), {guest.pair()});
  if (!held.down) return;
  netlink_.element(NFT_MSG_DELSETELEM, 0, of_family("down", guest), {guest.ip()});
  put_limits(guest, seconds{0}, 0);
  for (const auto& limit : limits(policy_))
    netlink_.element(NFT_MSG_DELSETELEM, 0, of_family(limit.name, guest), {guest.ip()});
}

/// Most who come are new. Otherwise somebody has the address: the guest, who is extended, or another MAC, who is out.
int Table::admit(const wire::Key& guest, seconds time, wire::Traffic used) {
  for (int attempt = 0;; ++attempt) {
    const Held before = attempt == 0 ? Held{guest, {}, {}} : held(guest);
    if (before.up && before.holder.bytes == guest.bytes) used = {*before.up, before.down.value_or(used.down)};
    netlink_.begin(true);
    put_out(before);
    put_in(guest, time, used);
    const int error = netlink_.send();
    if ((error != EEXIST && error != ENOENT) || attempt == 2) return error;
  }
}

int Table::remove(const wire::Key& guest, seconds keep_out, wire::Traffic& used) {
  int error = ENOENT;  // what is dropped can end by itself just then: once more
  for (int attempt = 0; error == ENOENT && attempt < 2; ++attempt) {
    const Held now = held(guest);
    netlink_.begin(true);
    if (now.holder.bytes == guest.bytes) {
      used = {now.up.value_or(0), now.down.value_or(0)};
      put_out(now);
    }
    if (keep_out.count() >= 0) {
      netlink_.element(NFT_MSG_NEWSETELEM, NLM_F_CREATE, "kept_out", {guest.mac()});
      netlink_.element(NFT_MSG_DELSETELEM, 0, "kept_out", {guest.mac()});
    }
    if (keep_out.count() > 0) netlink_.element(NFT_MSG_NEWSETELEM, NLM_F_CREATE, "kept_out", {guest.mac(), keep_out});
    error = netlink_.send();
  }
  if (error != 0) return error;
  netlink_.begin(true);  // refused while another address of the MAC uses them
  for (const auto& limit : limits(policy_))
    netlink_.object(NFT_MSG_DELOBJ, limit.object(guest), limit.is_quota(), limit.value, 0);
  netlink_.send();
  return 0;
}

/// A dump during which the table changed is made again, twice at most: what it then misses, the next look has.
int Table::look(const std::function<void(const wire::Row&)>& each) {
  constexpr struct {
    const char* set;
    wire::What what;
    std::size_t at;  // of a wire::Key its keys begin there
  } kSets[] = {{"auth4", wire::What::up, 0},
               {"down4", wire::What::down, wire::Key::kIp},
               {"auth6", wire::What::up, 0},
               {"down6", wire::What::down, wire::Key::kIp},
               {"kept_out", wire::What::kept_out, 0}};
  for (const auto& from : kSets) {
    int error = EINTR;
    for (int attempt = 0; error == EINTR && attempt < 3; ++attempt)
      error = netlink_.elements(from.set, {}, [&](const Element& one) {
        wire::Row row{{}, static_cast<std::uint32_t>((one.left.count() + 999) / 1000), from.what, *one.bytes};
        std::ranges::copy(one.key, row.key.bytes.begin() + from.at);
        row.key.size = static_cast<std::uint8_t>(from.at + one.key.size());
        each(row);
      });
    if (error != 0 && error != EINTR) return error;
  }
  return 0;
}

int Table::tallies(std::array<std::uint64_t, wire::kTallies.size()>& packets) {
  netlink_.begin(false);
  nlmsghdr* ask = netlink_.message(NFT_MSG_GETOBJ, NLM_F_DUMP);
  mnl_attr_put_strz(ask, NFTA_OBJ_TABLE, "foyer");
  mnl_attr_put_u32(ask, NFTA_OBJ_TYPE, htobe32(NFT_OBJECT_COUNTER));
  return netlink_.send([&](const nlmsghdr* m) {
    const auto object = attributes(m, sizeof(nfgenmsg));
    const auto name = as_text(within(object, NFTA_OBJ_NAME));  // with its NUL
    const auto counter = within(within(object, NFTA_OBJ_DATA), NFTA_COUNTER_PACKETS);
    for (std::size_t i = 0; i < packets.size(); ++i)
      if (name.substr(0, name.size() - 1) == wire::kTallies[i]) packets[i] = number(counter);
  });
}

}  // namespace foyer::drivers::nftables::kernel
