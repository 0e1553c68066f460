#!/bin/bash
# Two hundred ADDs at once on a host that has never seen one, among them ADDs that are taken back and the
# reference's host-local on the same network: no failure, no address twice, one bridge, one skeleton.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need jq nft

P=$W/cni
plugin_directory "$P" bridge host-local
[ -x "$W/reference/host-local" ] || skip "containernetworking-plugins is not installed"
ln -s "$W/reference/host-local" "$P/reference"
config='{"cniVersion": "1.0.0", "name": "storm", "type": "bridge", "bridge": "cni0", "isDefaultGateway": true,
  "ipMasq": true, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.97.0.0/22"}], [{"subnet": "fd00:97::/64"}]]}}'
call() { cni "$1" "$2" "$3" "/run/netns/$3" eth0 <<<"$config"; } # VERB PLUGIN CONTAINER

for i in $(seq 230); do new_netns "c$i"; done
jobs=()
for i in $(seq 260); do
  {
    if ((i <= 200)); then # stays
      call ADD bridge "c$i" >"$W/answer.c$i" || echo "ADD c$i" >>"$W/failed"
    elif ((i <= 230)); then # comes and goes
      call ADD bridge "c$i" >"$W/gone.c$i" || echo "ADD c$i" >>"$W/failed"
      call DEL bridge "c$i" || echo "DEL c$i" >>"$W/failed"
    else # a lease of the reference's
      call ADD reference "c$i" >"$W/answer.c$i" || echo "reference ADD c$i" >>"$W/failed"
    fi
  } &
  jobs+=($!)
done
wait "${jobs[@]}"
equal "no call fails" '' "$(cat "$W/failed" 2>/dev/null)"
equal "no address is given twice" 460 "$(jq -r '.ips[].address' "$W"/answer.* | sort -u | wc -l)"
equal "one bridge" 1 "$(ip -o link show type bridge | wc -l)"
equal "two hundred ports" 200 "$(ip -o link show master cni0 | wc -l)"
equal "one table" 1 "$(nft list tables | wc -l)"
equal "one rule per family" 2 "$(nft list chain inet fairlead postrouting | grep -c masquerade)"
equal "one element per address and set" 800 "$(nft -j list ruleset | jq '[.nftables[].set.elem // [] | length] | add')"
check "a container reaches another" nsenter --net=/run/netns/c1 ping -c 1 -W 5 \
  "$(jq -r '.ips[0].address | split("/")[0]' "$W/answer.c200")"

jobs=()
for i in $(seq 260); do
  {
    if ((i <= 230)); then call DEL bridge "c$i"; else call DEL host-local "c$i"; fi || echo "DEL c$i" >>"$W/failed"
  } &
  jobs+=($!)
done
wait "${jobs[@]}"
equal "no DEL fails" '' "$(cat "$W/failed" 2>/dev/null)"
equal "no port is left" '' "$(ip -o link show type veth)"
equal "no element is left" 0 "$(nft -j list ruleset | jq '[.nftables[].set.elem // [] | length] | add')"
equal "no lease and no record is left" '' "$(find /var/lib/cni /run/fairlead ! -type d ! -name 'last_reserved_ip.*' ! -name 'lock*')"

# The bridge, its addresses, the rules and the sysctls that two hundred leave are those that one leaves.
host_state >"$W/after"
ip link del cni0
nft flush ruleset
rm -r /var/lib/cni/networks /run/fairlead
sysctl -q -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
must "one more ADD, on a host that is new again" call ADD bridge c1
must "and its DEL" call DEL bridge c1
same_state "leave what the storm left" "$W/after"
finish
