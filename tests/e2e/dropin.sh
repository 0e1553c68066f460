#!/bin/bash
# The executables are replaced while containers run: what the reference plugins attached, ours detach, and the
# other way round.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need iptables nft jq

mkdir -p "$W/ours" "$W/theirs"
P=$W/ours
plugin_directory "$P" bridge host-local
for name in bridge host-local tuning sbr; do ln -s "$W/reference/$name" "$W/theirs/$name"; done
# Without ipMasq first: the reference's iptables chains are not ours to know yet, and stay until its own DEL.
config='{"cniVersion": "1.0.0", "name": "swap", "type": "bridge", "bridge": "swap0", "isGateway": true, "ipMasq": false,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.96.0.0/24"}], [{"subnet": "fd00:96::/64"}]]}}'
new_netns c1
new_netns c2

# with DIRECTORY VERB NETNS CONFIG
with() {
  P=$W/$1
  cni_ok "$2" "box-$3" "$3" "$4"
}
# attach DIRECTORY NETNS: ADD, its result kept for DEL.
attach() { with "$1" ADD "$2" "$config" >"$W/result.$2"; }
detach() { with "$1" DEL "$2" "$(jq --slurpfile result "$W/result.$2" '. + {prevResult: $result[0]}' <<<"$config")"; }
reaches_gateway() { nsenter --net="/run/netns/$1" ping -c 1 -W 3 10.96.0.1; }
# check_with DIRECTORY NETNS: CHECK with the result that is kept.
check_with() { with "$1" CHECK "$2" "$(jq --slurpfile result "$W/result.$2" '. + {prevResult: $result[0]}' <<<"$config")"; }
# chain NETNS TYPE KEYS: ADD of one of the reference's plugins behind the bridge; its result is the one that is kept.
chain() {
  jq --arg type "$2" --slurpfile result "$W/result.$1" "$3 + {cniVersion, name, type: \$type, prevResult: \$result[0]}" \
    <<<"$config" >"$W/chained"
  with theirs ADD "$1" "$(cat "$W/chained")" >"$W/result" && mv "$W/result" "$W/result.$1"
}
in_container() { nsenter --net="/run/netns/$1" "${@:2}"; }
# fails WHAT COMMAND...: CHECK must see it.
fails() {
  local what=$1
  shift
  if "$@" >"$W/check" 2>&1; then fail "CHECK notices $what"; else pass "CHECK notices $what"; fi
}
show_more() { head -n 40 "$W"/result.*; }

warm_up() {
  local first
  for first in theirs ours; do
    must "warm-up with $first: ADD" attach "$first" c1
    must "warm-up with $first: DEL" detach "$first" c1
  done
  host_state >"$W/before"
}

warm_up
must "the reference attaches a container" attach theirs c1
must "ours attach another to the same bridge" attach ours c2
check "our CHECK passes on what the reference made" check_with ours c1
in_container c1 ip addr del "$(jq -r '.ips[0].address' "$W/result.c1")" dev eth0
fails "that an address is gone" check_with ours c1
in_container c1 ip addr add "$(jq -r '.ips[0].address' "$W/result.c1")" dev eth0
check "and that it is back" check_with ours c1
equal "they have different addresses" 2 "$(jq -rs 'map(.ips[0].address) | unique | length' "$W"/result.c?)"
check "the first reaches the gateway" reaches_gateway c1
check "the second reaches it" reaches_gateway c2
check "ours detach what the reference attached" detach ours c1
check "the second still reaches the gateway" reaches_gateway c2
check "ours detach what they attached" detach ours c2
same_state "the host is as before" "$W/before"

# Plugins behind ours in the chain change the interface; whatever they tell of it, CHECK passes.
config=$(jq '. + {isDefaultGateway: true, mtu: 1400}' <<<"$config")
must "ours attach a container" attach ours c1
must "the reference's tuning changes its MTU, MAC and flags" \
  chain c1 tuning '{mtu: 1300, mac: "02:00:00:00:00:77", promisc: true, allmulti: true}'
must "its sbr moves the routes to a table of their own" chain c1 sbr '{}'
equal "the main table has no default route any more" '' "$(in_container c1 ip route show default)"
check "CHECK passes after that" check_with ours c1
in_container c1 ip route flush table 100
fails "that the routes are in no table" check_with ours c1
check "ours detach it" detach ours c1
same_state "the host is as before" "$W/before"

config=$(jq '. + {ipMasq: true}' <<<"$config")
warm_up
must "ours attach a container" attach ours c1
# Debian's bridge 1.1.1 misses its masquerading chain and says so, after it has done the rest.
detach theirs c1 >"$W/theirs.del"
equal "its lease is gone" '' "$(find /var/lib/cni/networks/swap -name '10.*' -o -name 'fd00*')"
equal "its link is gone" '' "$(ip -o link show type veth)"
# The record and the elements of the firewall are ours alone: GC takes them.
check "our GC takes the rest" with ours GC c1 \
  "$(jq '. + {cniVersion: "1.1.0", "cni.dev/valid-attachments": []}' <<<"$config")"
same_state "the host is as before again" "$W/before"
finish
