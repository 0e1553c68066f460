#include <algorithm>

#include "plan/differ.hpp"
#include "plan/where.hpp"

namespace fairlead {
namespace {

bool wanted_too(const Desired& desired, Side side, const LinkName& link, const IfaceAddress& address) {
  return std::any_of(desired.begin(), desired.end(), [&](const Want& want) {
    const auto* other = std::get_if<WantAddress>(&want.item);
    return other != nullptr && want.side == side && other->link == link && other->address.address == address;
  });
}

// Whether an address in another network of the link is in the way of `wanted`. One IPv4 network per
// link, so that the kernel's choice of source address is certain; IPv6 chooses by prefix.
bool conflicts(const IfaceAddress& other, const IfaceAddress& wanted) {
  if (other.family() != wanted.family()) return false;
  if (other.is_v4()) return true;
  return !other.address().is_link_local() && other.network().overlaps(wanted.network());
}

// With the last address of a link IPv4 takes all of its routes away (fib_disable_ip), so the new address is
// there before the old ones go; but not before those of its own network, to which it would be a secondary one
// that the kernel deletes with its primary (__inet_del_ifa without promote_secondaries). For the same reason
// the old ones go in reverse. IPv6 knows neither, and refuses one address with two prefix lengths. All of it
// can be undone, though the link is shared: backwards the same holds.
void replace(PlanDraft& draft, const Want& want, const WantAddress& wanted, std::vector<AddressState> old) {
  const IfaceAddress& address = wanted.address.address;
  std::reverse(old.begin(), old.end());
  const auto behind = std::stable_partition(old.begin(), old.end(), [&](const AddressState& is) {
    return address.is_v6() || is.address.network() == address.network();
  });
  const auto remove = [&](const AddressState& is) {
    draft.plan.push_back(Op{.side = want.side,
                            .action = RemoveAddress{wanted.link, is.address, is.attributes},
                            .reason = "in the way of " + address.to_string()});
  };
  std::for_each(old.begin(), behind, remove);
  draft.plan.push_back(Op{.side = want.side, .action = AddAddress{wanted.link, wanted.address}});
  std::for_each(behind, old.end(), remove);
}

// The address is there in a form that is of no use.
void renew(PlanDraft& draft, const Want& want, const WantAddress& wanted, const AddressState& is) {
  const IfaceAddress& address = wanted.address.address;
  const std::string reason = is.dad_failed ? "duplicate address detection failed"
                                           : "prefix length is " + std::to_string(is.address.prefix()) +
                                                 ", want " + std::to_string(address.prefix());
  Op remove{
      .side = want.side, .action = RemoveAddress{wanted.link, is.address, is.attributes}, .reason = reason};
  // IPv6 refuses a second prefix length. IPv4 does not, and takes all routes of a link away with its
  // last address (fib_disable_ip): add first.
  if (address.is_v6()) draft.plan.push_back(remove);
  draft.plan.push_back(
      Op{.side = want.side, .action = AddAddress{wanted.link, wanted.address}, .reason = reason});
  if (address.is_v4()) draft.plan.push_back(remove);
}

}  // namespace

Result<void> diff_address(PlanDraft& draft, const Desired& desired, const Want& want,
                          const WantAddress& wanted, const Observed::Addresses& seen) {
  const IfaceAddress& address = wanted.address.address;
  const AddAddress add{.link = wanted.link, .address = wanted.address};
  if (draft.born.contains({want.side, wanted.link.str()})) {
    draft.add(want, add);
    return {};
  }
  if (wanted.at_creation) return {};
  if (!seen.link_exists) return link_missing(wanted.link.str(), want.side);
  const AddressState* same = nullptr;  // the address itself; best with the wanted prefix length
  std::vector<AddressState> others;
  for (const AddressState& is : seen.addresses) {
    if (is.address.address() == address.address()) {
      if (same == nullptr || is.address == address) same = &is;
    }
    if (is.address != address && conflicts(is.address, address) &&
        !wanted_too(desired, want.side, wanted.link, is.address)) {
      others.push_back(is);
    }
  }
  if (same != nullptr && same->address == address && !same->dad_failed) return {};
  if (wanted.conflict == AddressConflict::kRefuse && !others.empty()) {
    return Unexpected(
        Errc::kExists,
        place(wanted.link.str(), want.side) + " has the address " + others.front().address.to_string() +
            ", which conflicts with " + address.to_string(),
        "remove " + others.front().address.to_string() + " or allow its replacement (forceAddress)");
  }
  if (wanted.conflict == AddressConflict::kReplace && !others.empty()) {
    replace(draft, want, wanted, std::move(others));
  } else if (same != nullptr) {
    renew(draft, want, wanted, *same);
  } else {
    draft.add(want, add);
  }
  return {};
}

}  // namespace fairlead
