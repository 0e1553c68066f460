#include <algorithm>

#include "plan/differ.hpp"

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

// The old ones go first. In reverse, since the kernel deletes the secondary addresses of a network with
// its primary one (__inet_del_ifa without promote_secondaries), which stands before them. Each removal
// can be undone, though the link is shared.
void replace(PlanDraft& draft, const Want& want, const WantAddress& wanted, std::vector<IfaceAddress> old) {
  std::reverse(old.begin(), old.end());
  for (const IfaceAddress& address : old) {
    draft.plan.push_back(Op{.side = want.side,
                            .action = RemoveAddress{.link = wanted.link, .address = address},
                            .reason = "in the way of " + wanted.address.address.to_string()});
  }
  draft.add(want, AddAddress{.link = wanted.link, .address = wanted.address});
}

// The address is there in a form that is of no use.
void renew(PlanDraft& draft, const Want& want, const WantAddress& wanted, const AddressState& is) {
  const IfaceAddress& address = wanted.address.address;
  const std::string reason = is.dad_failed ? "duplicate address detection failed"
                                           : "prefix length is " + std::to_string(is.address.prefix()) +
                                                 ", want " + std::to_string(address.prefix());
  Op remove{.side = want.side, .action = RemoveAddress{wanted.link, is.address}, .reason = reason};
  // IPv6 refuses a second prefix length. IPv4 does not, and takes all routes of a link away with its
  // last address (fib_disable_ip): add first.
  if (address.is_v6()) draft.plan.push_back(remove);
  draft.add(want, AddAddress{.link = wanted.link, .address = wanted.address}, reason);
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
  std::vector<IfaceAddress> others;
  for (const AddressState& is : seen.addresses) {
    if (is.address.address() == address.address()) {
      if (same == nullptr || is.address == address) same = &is;
    }
    if (is.address != address && conflicts(is.address, address) &&
        !wanted_too(desired, want.side, wanted.link, is.address)) {
      others.push_back(is.address);
    }
  }
  if (same != nullptr && same->address == address && !same->dad_failed) return {};
  if (wanted.conflict == AddressConflict::kRefuse && !others.empty()) {
    return Unexpected(Errc::kExists,
                      place(wanted.link.str(), want.side) + " has the address " + others.front().to_string() +
                          ", which conflicts with " + address.to_string(),
                      "remove " + others.front().to_string() + " or allow its replacement (forceAddress)");
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
