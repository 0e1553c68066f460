// What no message can hold, found before one is built: libmnl writes behind the room that a message was
// begun with, and libnftnl cuts or drops what it has no place for.
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <span>

#include "nft/decide.hpp"
#include "nft/values.hpp"

namespace fairlead::nft {
namespace {

constexpr std::size_t kValueMax = NFT_DATA_VALUE_MAXLEN;
constexpr std::size_t kNameMax = NFT_NAME_MAXLEN - 1;  // less the terminating zero
constexpr std::size_t kFieldsMax = 5;                  // six bits each in NFTA_SET_KEY_TYPE
// nft(8) writes longer table comments into a listing that it then refuses to load.
constexpr std::size_t kTableCommentMax = 127;

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kNameMax && name.find('\0') == std::string::npos;
}

Error invalid(std::string what) { return {.code = Errc::kInvalid, .what = std::move(what)}; }

/// Four-byte registers that the loads take up side by side.
std::size_t registers_of(const std::vector<Load>& loads) {
  std::size_t count = 0;
  for (const Load& load : loads) count += (size_of(type_of(load)) + 3) / 4;
  return count;
}

struct MalformedExpr {
  std::string operator()(const Lookup& lookup) const {
    if (!is_name(lookup.set)) return "the set of a lookup has a name of 1 to 255 bytes";
    const std::size_t registers = registers_of(lookup.load);
    if (registers == 0 || registers > kValueMax / 4) return "a lookup loads 1 to 64 bytes";
    return {};
  }
  std::string operator()(const Compare& compare) const {
    const std::size_t size = size_of(type_of(compare.load));
    if (compare.value.size() != size || (!compare.mask.empty() && compare.mask.size() != size)) {
      return "a value is compared with a field of " + std::to_string(size) + " bytes and has " +
             std::to_string(compare.value.size()) + ", its mask " + std::to_string(compare.mask.size());
    }
    return {};
  }
  std::string operator()(const Verdict& verdict) const {
    const bool jumps = verdict.kind == VerdictKind::kJump || verdict.kind == VerdictKind::kGoto;
    if (jumps ? is_name(verdict.chain) : verdict.chain.empty()) return {};
    return "a jump or goto, and no other verdict, names a chain, with 1 to 255 bytes";
  }
  std::string operator()(const Masquerade& /*unused*/) const { return {}; }
};

std::string malformed_rule(const RuleSpec& rule) {
  if (!is_name(rule.chain)) return "the chain of a rule has a name of 1 to 255 bytes";
  if (kernel_expressions(rule) > kKernelExpressionsMax) {
    return "a rule of chain " + rule.chain + " comes to more than " + std::to_string(kKernelExpressionsMax) +
           " expressions of the kernel's";
  }
  for (const Expr& expr : rule.exprs) {
    if (std::string why = std::visit(MalformedExpr{}, expr); !why.empty()) return why;
  }
  return {};
}

std::string malformed_set(const SetSpec& set) {
  if (!is_name(set.name)) return "names in it have 1 to 255 bytes";
  const auto fits = [](const std::vector<FieldType>& fields) {
    return fields.size() <= kFieldsMax && key_size(fields) <= kValueMax;
  };
  if (!set.key.empty() && fits(set.key) && fits(set.data)) return {};
  return "a key has 1 to 5 fields and at most 64 bytes, data at most as many: set " + set.name;
}

std::string malformed_table(const TableSpec& table) {
  if (table.family != Family::kInet && table.family != Family::kBridge) {
    return "ours are of family inet or bridge, the others are iptables-nft's";
  }
  if (!is_name(table.name)) return "names in it have 1 to 255 bytes";
  if (table.layout == 0) return "layouts are numbered from 1";
  if (layout_comment(table.name, table.layout).size() > kTableCommentMax) {
    return "its name leaves no room for \" layout " + std::to_string(table.layout) +
           "\" in a comment of 127 bytes";
  }
  for (const SetSpec& set : table.sets) {
    if (std::string why = malformed_set(set); !why.empty()) return why;
  }
  for (const ChainSpec& chain : table.chains) {
    if (!is_name(chain.name)) return "names in it have 1 to 255 bytes";
  }
  for (const RuleSpec& rule : table.rules) {
    if (std::string why = malformed_rule(rule); !why.empty()) return why;
  }
  return {};
}

}  // namespace

std::size_t kernel_expressions(const RuleSpec& rule) {
  constexpr std::size_t kPerLoad = 3;  // the load, and the two that narrow the rule to its header
  std::size_t count = 0;
  for (const Expr& expr : rule.exprs) {
    if (const auto* lookup = std::get_if<Lookup>(&expr)) {
      count += kPerLoad * lookup->load.size() + 1;
    } else if (std::holds_alternative<Compare>(expr)) {
      count += kPerLoad + 2;
    } else {
      count += 1;
    }
  }
  return count;
}

std::optional<Error> malformed(const SetRef& set) {
  if (is_name(set.table) && is_name(set.set)) return std::nullopt;
  return invalid(name_of(set) + ": names have 1 to 255 bytes");
}

std::optional<Error> malformed(const ChainRef& chain) {
  if (is_name(chain.table) && is_name(chain.chain)) return std::nullopt;
  return invalid(name_of(chain) + ": names have 1 to 255 bytes");
}

std::optional<Error> malformed(const Element& element) {
  if (element.key.empty() || element.key.size() > kValueMax || element.data.size() > kValueMax) {
    return invalid(name_of(element.set) + ": a key has 1 to 64 bytes, data at most 64; this element has " +
                   std::to_string(element.key.size()) + " and " + std::to_string(element.data.size()));
  }
  return malformed(element.set);
}

std::optional<Error> malformed(const TableSpec& table) {
  std::string why = malformed_table(table);
  if (why.empty()) return std::nullopt;
  return invalid(name_of(table.family, table.name) + ": " + why);
}

std::optional<Error> malformed(const Op& op) {
  if (const Element* element = element_of(op)) return malformed(*element);
  if (const auto* ensure = std::get_if<EnsureTable>(&op.action)) return malformed(ensure->table);
  if (const auto* chain = std::get_if<RemoveChain>(&op.action)) {
    if (auto error = malformed(chain->chain)) return error;
    return malformed(jumping_chain(*chain));
  }
  if (const auto* rules = std::get_if<RemoveRules>(&op.action)) return malformed(rules->chain);
  return std::nullopt;
}

}  // namespace fairlead::nft
