#!/bin/bash
# DEL after things have changed: the path of the namespace is another container's, links have other names.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need jq

P=$W/cni
plugin_directory "$P" bridge host-local
config='{"cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
  "ipam": {"type": "host-local", "subnet": "10.92.0.0/24"}}'

with_result() { jq --slurpfile result "$1" '.prevResult = $result[0]' <<<"$config"; } # FILE: what ADD answered
links_of() { nsenter --net="/run/netns/$1" ip -o link show | awk '{ print $2 }' | sed 's/[@:].*//' | xargs; }
replace_netns() {
  umount "/run/netns/$1"
  new_netns "$1"
}

new_netns web
must "the bridge and its tables" cni_ok ADD c0 web "$config"
must "are there from now on" cni_ok DEL c0 web "$config"
host_state >"$W/clean"

cni_ok ADD c1 web "$config" >"$W/result.c1"
must "DEL of the first container" cni_ok DEL c1 web "$(with_result "$W/result.c1")"
replace_netns web
cni_ok ADD c2 web "$config" >"$W/result.c2"
host_state >"$W/before"
check "a repeated DEL succeeds" cni_ok DEL c1 web "$(with_result "$W/result.c1")"
same_state "and leaves the host as it was" "$W/before"
equal "and the container that has the path now" "lo eth0" "$(links_of web)"

rm -rf /run/fairlead/attachments
check "without a record its own DEL" cni_ok DEL c2 web "$(with_result "$W/result.c2")"
same_state "removes it" "$W/clean"

if [ -x "$W/reference/bridge" ] && [ ! "$under_test" -ef "$W/reference" ]; then
  ln -s "$W/reference/bridge" "$P/reference"
  cni ADD reference c3 /run/netns/web eth0 <<<"$(jq '.ipMasq = false' <<<"$config")" >"$W/result.c3"
  check "DEL of another container at that path" cni_ok DEL c1 web "$(with_result "$W/result.c1")"
  equal "spares what the reference attached" "lo eth0" "$(links_of web)"
  check "the right DEL" cni_ok DEL c3 web "$(with_result "$W/result.c3")"
  equal "removes it" "lo" "$(links_of web)"
  same_state "with everything on the host" "$W/clean"
fi

must "an attachment" cni_ok ADD c4 web "$config"
host_end=$(ip -o link show type veth | sed -E 's/^[0-9]+: ([^@:]+).*/\1/')
ip link set "$host_end" down
ip link set "$host_end" name uplink7 up
check "DEL after its host end was given another name" cni_ok DEL c4 web "$config"
same_state "leaves nothing" "$W/clean"
equal "nor in the container" "lo" "$(links_of web)"
finish
