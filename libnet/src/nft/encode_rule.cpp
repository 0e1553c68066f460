// Rules as nf_tables expressions, the way nft(8) writes them, so that it can print them again.
#include <arpa/inet.h>
#include <cstdio>  // libnftnl/expr.h names FILE and does not include it

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "nft/encode.hpp"
#include "nft/values.hpp"

namespace fairlead::nft {
namespace {

constexpr std::uint32_t kFirstRegister = NFT_REG32_00;

struct PayloadPlace {
  std::uint32_t base;
  std::uint32_t offset;
};

PayloadPlace place_of(PayloadField field) {
  switch (field) {
    case PayloadField::kIpSaddr:
      return {NFT_PAYLOAD_NETWORK_HEADER, 12};
    case PayloadField::kIpDaddr:
      return {NFT_PAYLOAD_NETWORK_HEADER, 16};
    case PayloadField::kIp6Saddr:
      return {NFT_PAYLOAD_NETWORK_HEADER, 8};
    case PayloadField::kIp6Daddr:
      return {NFT_PAYLOAD_NETWORK_HEADER, 24};
    case PayloadField::kThSport:
      return {NFT_PAYLOAD_TRANSPORT_HEADER, 0};
    case PayloadField::kThDport:
      return {NFT_PAYLOAD_TRANSPORT_HEADER, 2};
    case PayloadField::kEtherDaddr:
      return {NFT_PAYLOAD_LL_HEADER, 0};
    case PayloadField::kEtherSaddr:
      break;
  }
  return {NFT_PAYLOAD_LL_HEADER, 6};
}

std::uint32_t key_of(MetaKey key) {
  switch (key) {
    case MetaKey::kIifname:
      return NFT_META_IIFNAME;
    case MetaKey::kOifname:
      return NFT_META_OIFNAME;
    case MetaKey::kL4proto:
      return NFT_META_L4PROTO;
    case MetaKey::kNfproto:
      return NFT_META_NFPROTO;
    case MetaKey::kMark:
      break;
  }
  return NFT_META_MARK;
}

/// The bytes of a number as this machine has them in memory, and the kernel in a register.
Bytes as_stored(std::uint16_t number) {
  Bytes bytes(sizeof number);
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

class RuleEncoder {
 public:
  explicit RuleEncoder(Family family) : family_(family), rule_(nftnl_rule_alloc(), nftnl_rule_free) {
    if (!rule_) std::abort();
  }

  void operator()(const Lookup& lookup) {
    load_all(lookup.load);
    nftnl_expr* expr = add("lookup");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, kFirstRegister);
    nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, lookup.set.c_str());
    if (lookup.invert) nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
  }

  void operator()(const Compare& compare) {
    load_all({compare.load});
    if (!compare.mask.empty()) {
      const auto size = static_cast<std::uint32_t>(compare.mask.size());
      const Bytes zero(compare.mask.size(), 0);
      nftnl_expr* expr = add("bitwise");
      nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, kFirstRegister);
      nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, kFirstRegister);
      nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, size);
      nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, compare.mask.data(), size);
      nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, zero.data(), size);
    }
    equals(compare.value, compare.invert ? NFT_CMP_NEQ : NFT_CMP_EQ);
  }

  void operator()(const Verdict& verdict) {
    nftnl_expr* expr = add("immediate");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(code_of(verdict.kind)));
    if (!verdict.chain.empty()) nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, verdict.chain.c_str());
  }

  void operator()(const Masquerade&) { add("masq"); }

  void finish(const TableSpec& table, const RuleSpec& rule, nlmsghdr* message) {
    nftnl_rule_set_str(rule_.get(), NFTNL_RULE_TABLE, table.name.c_str());
    nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, rule.chain.c_str());
    if (!rule.comment.empty()) {
      const std::unique_ptr<nftnl_udata_buf, void (*)(const nftnl_udata_buf*)> data(
          nftnl_udata_buf_alloc(256), nftnl_udata_buf_free);
      if (!data) std::abort();
      nftnl_udata_put_strz(data.get(), NFTNL_UDATA_RULE_COMMENT, stored_comment(rule.comment).c_str());
      nftnl_rule_set_data(rule_.get(), NFTNL_RULE_USERDATA, nftnl_udata_buf_data(data.get()),
                          nftnl_udata_buf_len(data.get()));
    }
    nftnl_rule_nlmsg_build_payload(message, rule_.get());
  }

 private:
  static int code_of(VerdictKind kind) {
    switch (kind) {
      case VerdictKind::kAccept:
        return NF_ACCEPT;
      case VerdictKind::kDrop:
        return NF_DROP;
      case VerdictKind::kReturn:
        return NFT_RETURN;
      case VerdictKind::kJump:
        return NFT_JUMP;
      case VerdictKind::kGoto:
        break;
    }
    return NFT_GOTO;
  }

  nftnl_expr* add(const char* name) {
    nftnl_expr* expr = nftnl_expr_alloc(name);
    if (expr == nullptr) std::abort();
    nftnl_rule_add_expr(rule_.get(), expr);
    return expr;
  }

  void equals(const Bytes& value, std::uint32_t comparison = NFT_CMP_EQ) {
    nftnl_expr* expr = add("cmp");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, kFirstRegister);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, comparison);
    nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, value.data(), static_cast<std::uint32_t>(value.size()));
  }

  void meta(std::uint32_t key, std::uint32_t reg) {
    nftnl_expr* expr = add("meta");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, reg);
  }

  /// Fields side by side from the first register on, each padded to four bytes like a key.
  void load_all(const std::vector<Load>& loads) {
    for (const Load& load : loads) require_header(load);
    std::uint32_t reg = kFirstRegister;
    for (const Load& load : loads) {
      const FieldType type = type_of(load);
      if (const auto* from_meta = std::get_if<MetaLoad>(&load)) {
        meta(key_of(from_meta->key), reg);
      } else {
        const PayloadPlace place = place_of(std::get<PayloadLoad>(load).field);
        nftnl_expr* expr = add("payload");
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, reg);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, place.base);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, place.offset);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, static_cast<std::uint32_t>(size_of(type)));
      }
      reg += static_cast<std::uint32_t>((size_of(type) + 3) / 4);
    }
  }

  /// An offset means nothing before the header's kind is known: the comparison that nft puts in front of
  /// the first `ip`, `ip6` or `ether` field of a rule, and leaves out when it prints the rule.
  void require_header(const Load& load) {
    if (!std::holds_alternative<PayloadLoad>(load)) return;
    const FieldType type = type_of(load);
    if (type == FieldType::kIpv4Addr || type == FieldType::kIpv6Addr) {
      const bool v4 = type == FieldType::kIpv4Addr;
      if (network_) return;
      network_ = type;
      if (family_ == Family::kBridge) {
        meta(NFT_META_PROTOCOL, kFirstRegister);
        equals(as_stored(htons(v4 ? ETH_P_IP : ETH_P_IPV6)));
      } else {
        meta(NFT_META_NFPROTO, kFirstRegister);
        equals({static_cast<std::uint8_t>(v4 ? NFPROTO_IPV4 : NFPROTO_IPV6)});
      }
    } else if (type == FieldType::kEtherAddr && family_ == Family::kInet && !link_) {
      link_ = true;
      meta(NFT_META_IIFTYPE, kFirstRegister);
      equals(as_stored(ARPHRD_ETHER));
    }
  }

  Family family_;
  std::unique_ptr<nftnl_rule, void (*)(const nftnl_rule*)> rule_;
  std::optional<FieldType> network_;  // the network header that the rule has been narrowed to
  bool link_ = false;
};

}  // namespace

void encode_rule(const TableSpec& table, const RuleSpec& rule, nlmsghdr* message) {
  RuleEncoder encoder(table.family);
  for (const Expr& expr : rule.exprs) std::visit(encoder, expr);
  encoder.finish(table, rule, message);
}

}  // namespace fairlead::nft
