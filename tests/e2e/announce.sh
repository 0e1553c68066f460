#!/bin/bash
# When ADD returns, frames pass: what the host sends first arrives, even at the only port of a bridge, and a
# neighbour that remembers the former owner of an address knows the new one, over IPv4 and IPv6. Several hosts at
# once, since the kernel notices a new carrier only when its worker gets the RTNL mutex, and what is sent before
# that is lost.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need jq

P=$W/cni
plugin_directory "$P" bridge host-local
hosts=6 rounds=20
former=02:00:00:00:00:99
jq -n '{cniVersion: "1.0.0", name: "announce", type: "bridge", bridge: "cni0", isGateway: true,
  ipam: {type: "host-local", ranges: [[{subnet: "10.93.0.0/24"}], [{subnet: "fd00:93::/64"}]]}}' >"$W/plain"
jq '.args.cni.ips = ["10.93.0.77", "fd00:93::77"]' "$W/plain" >"$W/asking"

hand_over() { # ROUND: a container with the address of the former one
  local container=c$1
  ip neigh replace 10.93.0.77 lladdr "$former" dev cni0 nud stale
  ip neigh replace fd00:93::77 lladdr "$former" dev cni0 nud stale
  new_netns "$container"
  cni ADD bridge "$container" "/run/netns/$container" eth0 <"$W/asking" >/run/netns/answer || cat /run/netns/answer
  local owner known
  owner=$(jq -r '.interfaces[] | select(.name == "eth0").mac' /run/netns/answer)
  known=$(ip neigh show dev cni0 | grep -F -e 10.93.0.77 -e fd00:93::77)
  [ "$(grep -cF "lladdr $owner" <<<"$known")" = 2 ] || echo "not known as $owner: $known"
  cni DEL bridge "$container" "/run/netns/$container" eth0 <"$W/asking" || echo "DEL fails"
  ip netns del "$container"
}

first_frame() { # ROUND: the only port of the bridge; a frame that is lost costs a second, then ARP asks again
  new_netns "solo$1"
  cni ADD bridge "solo$1" "/run/netns/solo$1" eth0 <"$W/plain" >/run/netns/answer || cat /run/netns/answer
  ping -c 1 -W 5 "$(jq -r '.ips[0].address | split("/")[0]' /run/netns/answer)" >/run/netns/ping || cat /run/netns/ping
  grep -E 'time=[0-9]{4}' /run/netns/ping
  cni DEL bridge "solo$1" "/run/netns/solo$1" eth0 <"$W/plain" || echo "DEL fails"
  ip netns del "solo$1"
}

host() { # a host of its own
  local dir
  for dir in /run/netns /run/fairlead /var/lib/cni; do mount -t tmpfs tmpfs "$dir"; done
  ip link set lo up
  for round in $(seq "$rounds"); do first_frame "$round"; done
  new_netns first
  cni ADD bridge first /run/netns/first eth0 <"$W/plain" >/run/netns/answer || cat /run/netns/answer
  for round in $(seq "$rounds"); do hand_over "$round"; done
}

mkdir -p /run/fairlead
export P W former rounds
jobs=()
for i in $(seq "$hosts"); do
  unshare --net --mount bash -c "$(declare -f cni new_netns first_frame hand_over host); host" >"$W/host$i" 2>&1 &
  jobs+=($!)
done
wait "${jobs[@]}"
for i in $(seq "$hosts"); do
  equal "host $i: $rounds times the first frame arrives, and the new owner of both addresses is known" '' "$(cat "$W/host$i")"
done
finish
