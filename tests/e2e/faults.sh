#!/bin/bash
# What stands in the way of an ADD is named, and the host is afterwards as it was before.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need jq nft

P=$W/cni
plugin_directory "$P" bridge host-local
# A foreign IPAM plugin that fails.
cat >"$P/failing" <<'SCRIPT'
#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
echo '{"cniVersion": "1.0.0", "code": 120, "msg": "the address server is on fire"}'
exit 1
SCRIPT
chmod 755 "$P/failing"

config() { # BRIDGE IPAM-JSON
  printf '{"cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "%s", "isDefaultGateway": true,
    "ipMasq": true, "ipam": %s}' "$1" "$2"
}
ipam='{"type": "host-local", "subnet": "10.96.0.0/24"}'

new_netns c1
must "a first attachment" cni_ok ADD c1 c1 "$(config cni0 "$ipam")"
host_link=$(ip -o link show type veth | sed -E 's/^[0-9]+: ([^@:]+).*/\1/')
must "and its end: bridge and tables are there from now on" cni_ok DEL c1 c1 "$(config cni0 "$ipam")"

# refused "sentence" CODE TEXT CONFIG: ADD c1 fails with that code and a message that holds the text.
refused() {
  local what=$1 code=$2 text=$3 answer
  host_state >"$W/before"
  if answer=$(cni ADD bridge c1 "${netns:-/run/netns/c1}" eth0 <<<"$4"); then
    fail "$what: ADD succeeded"
    return
  fi
  equal "$what: the error's code" "$code" "$(jq -r .code <<<"$answer")"
  case $(jq -r '.msg + " " + .details' <<<"$answer") in
    *"$text"*) pass "$what: the error says so" ;;
    *) fail "$what: the error does not say \"$text\": $answer" ;;
  esac
  same_state "$what: the host is as before" "$W/before"
}

refused "a failing IPAM plugin" 108 "the address server is on fire" "$(config cni0 '{"type": "failing"}')"
refused "a missing IPAM plugin" 102 "absent" "$(config cni0 '{"type": "absent"}')"
netns=/run/netns/none refused "a missing namespace" 8 /run/netns/none "$(config cni0 "$ipam")"
netns=/run/e2e/before refused "a file that is no namespace" 8 /run/e2e/before "$(config cni0 "$ipam")"

nsenter --net=/run/netns/c1 ip link add eth0 type veth peer name other
refused "an interface of that name in the container" 103 eth0 "$(config cni0 "$ipam")"
nsenter --net=/run/netns/c1 ip link del eth0

ip link add "$host_link" type veth peer name taken
refused "a link of the derived name on the host" 103 "$host_link" "$(config cni0 "$ipam")"
ip link del "$host_link"

ip link add wall type veth peer name wall1
refused "a bridge name that is taken by another kind" 103 "not a bridge" "$(config wall "$ipam")"
ip link del wall

ip address add 10.95.0.1/24 dev cni0
ip address del 10.96.0.1/24 dev cni0
refused "a gateway address in the way" 103 10.95.0.1/24 "$(config cni0 "$ipam")"
ip address del 10.95.0.1/24 dev cni0
ip address add 10.96.0.1/24 brd + dev cni0

# A Linux bridge has room for 1,023 ports.
ip link add full0 type bridge
{
  for i in $(seq 1023); do echo "link add p$i type veth peer name q$i"; done
  for i in $(seq 1023); do echo "link set p$i master full0"; done
} >"$W/batch"
must "a bridge with 1,023 ports" ip -batch "$W/batch"
cni_ok ADD c1 c1 "$(config full0 '{"type": "absent"}')" >/dev/null # sets it up, then fails
ip link set full0 up
ip address add 10.94.0.1/24 brd + dev full0
sysctl -q -w net.ipv6.conf.full0.accept_ra=0
refused "a full bridge" 105 "1,023" "$(config full0 '{"type": "host-local", "subnet": "10.94.0.0/24"}')"

mkdir "$W/ro" "$W/small"
mount -t tmpfs -o ro tmpfs "$W/ro"
mount -t tmpfs -o size=16k tmpfs "$W/small"
export FAIRLEAD_RUN_DIR=$W/ro
refused "a read-only run directory" 104 "$W/ro" "$(config cni0 "$ipam")"
export FAIRLEAD_RUN_DIR=$W/small/run
head -c 100000 /dev/zero >"$W/small/filler" 2>/dev/null
refused "a full run directory" 105 "$W/small/run" "$(config cni0 "$ipam")"
unset FAIRLEAD_RUN_DIR
refused "a read-only lease directory" 104 dataDir \
  "$(config cni0 "{\"type\": \"host-local\", \"subnet\": \"10.96.0.0/24\", \"dataDir\": \"$W/ro\"}")"

must "with nothing in the way ADD works" cni_ok ADD c1 c1 "$(config cni0 "$ipam")"
must "and DEL" cni_ok DEL c1 c1 "$(config cni0 "$ipam")"
finish
