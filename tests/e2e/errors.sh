#!/bin/bash
# Wrong input and refusals, one after the other: each is answered by one JSON error on standard output with
# the right code, and with a message that says what was done, to which object, why it failed and, where it
# is known, what to do. Each leaves the host as it was.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need nft jq

P=$W/cni
plugin_directory "$P" bridge host-local static loopback
new_netns c1
new_netns c2

ipam='{"type": "host-local", "ranges": [[{"subnet": "10.94.0.0/24"}]]}'
head='"cniVersion": "1.0.0", "name": "err"'

# bridge_with MEMBERS: a bridge configuration with further members.
bridge_with() { echo "{$head, \"type\": \"bridge\", \"bridge\": \"err0\"${1:+, $1}}"; }
# ipam_with MEMBERS: a bridge configuration whose host-local has these members.
ipam_with() { bridge_with "\"ipam\": {\"type\": \"host-local\", $1}"; }

# wrong "sentence" CODE WORDS [PLUGIN [VARIABLE=VALUE...]] <config
# WORDS: what the message must hold, separated by '|'.
wrong() {
  local what=$1 code=$2 words=$3 plugin=${4:-bridge} word status answer text
  shift "$(($# < 4 ? $# : 4))"
  cat >"$W/config"
  host_state >"$W/state"
  env CNI_COMMAND=ADD CNI_CONTAINERID=box1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 "CNI_PATH=$P" "$@" \
    timeout 20 "$P/$plugin" <"$W/config" >"$W/stdout" 2>"$W/stderr"
  status=$?
  # One document, an object, and not a byte besides.
  if ! answer=$(jq -es 'if length == 1 and (.[0] | type) == "object" then .[0] else error("documents: \(length)") end' "$W/stdout" 2>&1); then
    fail "$what: exactly one JSON document ($answer)"
    head -c 300 "$W/stdout" "$W/stderr" | sed 's/^/      | /'
    return
  fi
  text=$(jq -r '"\(.msg) \(.details // "")"' <<<"$answer")
  echo "      $(jq -r '.code' <<<"$answer"): $(cut -c 1-400 <<<"$text")"
  equal "$what: exit status, code" "1 $code" "$((status != 0)) $(jq .code <<<"$answer")"
  local missing=''
  while read -rd '|' word; do
    grep -qF -- "$word" <<<"$text" || missing+="[$word] "
  done <<<"$words|"
  equal "$what: the message says why" '' "$missing"
  equal "$what: as text of one line" 1 "$(jq -r .msg <<<"$answer" | wc -l)"
  same_state "$what: nothing is left" "$W/state"
}

# The bridge and the rule skeletons are shared and stay, so they are there before the first case.
must "a first attachment" cni_ok ADD warm c1 "$(bridge_with "\"isGateway\": true, \"ipMasq\": true, \"ipam\": $ipam")"
must "and its end" cni_ok DEL warm c1 "$(bridge_with "\"isGateway\": true, \"ipMasq\": true, \"ipam\": $ipam")"

echo "---- what is no configuration"
wrong "broken JSON" 6 'parse configuration|column' <<<'{"cniVersion": "1.0.0", "name": }'
wrong "no JSON at all" 6 'parse configuration|empty' </dev/null
wrong "an array" 6 'object|array' <<<'[]'
wrong "ten megabytes" 6 'standard input|4194304 bytes' < <(
  printf '{%s, "type": "bridge", "pad": "' "$head"
  head -c 10000000 /dev/zero | tr '\0' x
  printf '"}'
)
wrong "a hundred thousand nested arrays" 6 'nesting' < <(
  printf '{%s, "type": "bridge", "pad": ' "$head"
  head -c 100000 /dev/zero | tr '\0' '['
  head -c 100000 /dev/zero | tr '\0' ']'
  printf '}'
)
wrong "a specification version of the future" 1 '9.9.9' <<<'{"cniVersion": "9.9.9", "name": "err", "type": "bridge"}'

echo "---- names"
wrong "no network name" 7 'name' <<<'{"cniVersion": "1.0.0", "type": "bridge"}'
wrong "NUL in the network name" 7 "parse configuration|'name'|NUL" <<<'{"cniVersion": "1.0.0", "name": "a\u0000b", "type": "bridge"}'
wrong "newline in the network name" 7 'name|a\x0ab' <<<'{"cniVersion": "1.0.0", "name": "a\nb", "type": "bridge"}'
wrong "the parent directory as network name" 7 'name|../../x' <<<'{"cniVersion": "1.0.0", "name": "../../x", "type": "bridge"}'
wrong "a path as container id" 4 'CNI_CONTAINERID|../box' bridge CNI_CONTAINERID=../box <<<"$(bridge_with)"
wrong "an interface name of 16 characters" 4 'CNI_IFNAME' bridge CNI_IFNAME=abcdefghijklmnop <<<"$(bridge_with)"
wrong "an interface name with a slash" 4 'CNI_IFNAME' bridge CNI_IFNAME=et/h0 <<<"$(bridge_with)"
wrong "a bridge name too long for the kernel" 7 'bridge|a-bridge-name-too-long' <<<"{$head, \"type\": \"bridge\", \"bridge\": \"a-bridge-name-too-long\"}"
wrong "a path as IPAM type" 7 '../host-local|CNI_PATH' <<<"$(bridge_with '"ipam": {"type": "../host-local"}')"

echo "---- environment"
wrong "no container id" 4 'CNI_CONTAINERID' bridge CNI_CONTAINERID= <<<"$(bridge_with)"
wrong "an unknown verb" 4 'CNI_COMMAND|FROB' bridge CNI_COMMAND=FROB <<<"$(bridge_with)"
wrong "arguments that are no pairs" 4 'CNI_ARGS|FOO' bridge CNI_ARGS=FOO <<<"$(bridge_with)"
wrong "a namespace that does not exist" 8 'network namespace|/run/netns/none|ENOENT' bridge CNI_NETNS=/run/netns/none <<<"$(bridge_with "\"ipam\": $ipam")"
touch "$W/file"
wrong "a file that is no namespace" 8 "$W/file" bridge "CNI_NETNS=$W/file" <<<"$(bridge_with "\"ipam\": $ipam")"
wrong "the namespace of the host" 8 'CNI_NETNS_OVERRIDE' bridge CNI_NETNS=/proc/self/ns/net <<<"$(bridge_with)"
wrong "an IPAM plugin that CNI_PATH lacks" 102 'nonesuch|CNI_PATH' <<<"$(bridge_with '"ipam": {"type": "nonesuch"}')"

echo "---- values"
wrong "text for a number" 7 'mtu|integer' <<<"$(bridge_with '"mtu": "1400"')"
wrong "an MTU beyond the kernel's" 7 'mtu|70000|65535' <<<"$(bridge_with '"mtu": 70000')"
wrong "hairpin and promiscuous mode" 7 'hairpinMode|promiscMode' <<<"$(bridge_with '"hairpinMode": true, "promiscMode": true')"
wrong "a masquerading backend that is none" 7 'ipMasqBackend|pf' <<<"$(bridge_with "\"ipMasq\": true, \"ipMasqBackend\": \"pf\", \"ipam\": $ipam")"
wrong "a MAC address that is none" 4 'MAC|zz:' bridge 'CNI_ARGS=MAC=zz:00:00:00:00:01' <<<"$(bridge_with "\"ipam\": $ipam")"
wrong "a prefix of 33 bits" 7 'ipam.ranges[0][0].subnet|33|10.94.0.0' <<<"$(ipam_with '"ranges": [[{"subnet": "10.94.0.0/33"}]]')"
wrong "a subnet with host bits" 7 'ipam.ranges[0][0].subnet|10.94.0.5/24|10.94.0.0/24' <<<"$(ipam_with '"ranges": [[{"subnet": "10.94.0.5/24"}]]')"
wrong "a range that starts elsewhere" 7 'rangeStart|10.95.0.1' <<<"$(ipam_with '"ranges": [[{"subnet": "10.94.0.0/24", "rangeStart": "10.95.0.1"}]]')"
wrong "a range that ends before it starts" 7 'rangeEnd' <<<"$(ipam_with '"ranges": [[{"subnet": "10.94.0.0/24", "rangeStart": "10.94.0.9", "rangeEnd": "10.94.0.8"}]]')"
wrong "no range at all" 7 'ranges' <<<"$(ipam_with '"ranges": []')"
wrong "a route to nowhere" 7 'routes|dst' <<<"$(ipam_with '"subnet": "10.94.0.0/24", "routes": [{"dst": "elsewhere"}]')"
wrong "a requested address out of every range" 7 '10.1.1.1' bridge CNI_ARGS=IP=10.1.1.1 <<<"$(bridge_with "\"ipam\": $ipam")"
wrong "a static address without prefix" 7 'address|10.94.0.9' <<<"$(bridge_with '"ipam": {"type": "static", "addresses": [{"address": "10.94.0.9"}]}')"
wrong "GC that names no valid attachments" 7 'cni.dev/valid-attachments' bridge CNI_COMMAND=GC <<<'{"cniVersion": "1.1.0", "name": "err", "type": "bridge"}'
wrong "GC before its version" 1 'GC|1.1.0' bridge CNI_COMMAND=GC <<<"$(bridge_with)"

echo "---- not supported yet, and not ignored either"
for key in '"vlan": 100' '"vlanTrunk": [{"id": 101}]' '"macspoofchk": true'; do
  name=${key%%:*}
  wrong "$name" 2 "${name//\"/}" <<<"$(bridge_with "$key")"
done

echo "---- refusals of the kernel and of the state on the host"
ip link add err1 type veth peer name err2
wrong "a link of that name that is no bridge" 103 'err1|veth|not a bridge|choose another name' <<<"{$head, \"type\": \"bridge\", \"bridge\": \"err1\"}"
ip link del err1
nsenter --net=/run/netns/c1 ip link add eth0 type veth peer name other
wrong "an interface name that the container has already" 103 'attach|eth0 exists already in the container|another interface name' <<<"$(bridge_with "\"ipam\": $ipam")"
nsenter --net=/run/netns/c1 ip link del eth0
ip link del err0 2>/dev/null # the bridge is shared and may stay; the next cases start without it

ip link add err0 type bridge
ip address add 10.94.7.1/16 dev err0
wrong "a bridge with another address in the way" 103 'err0|10.94.7.1|forceAddress' \
  <<<"$(bridge_with "\"isGateway\": true, \"ipam\": $ipam")"
ip link del err0

mkdir -p "$W/data"
touch "$W/data/err"
wrong "a lease directory that is a file" 7 "$W/data/err|ENOTDIR" <<<"$(ipam_with "\"dataDir\": \"$W/data\", \"ranges\": [[{\"subnet\": \"10.94.0.0/24\"}]]")"
tiny='"ranges": [[{"subnet": "10.94.9.0/30", "rangeStart": "10.94.9.2", "rangeEnd": "10.94.9.2"}]], "dataDir": "'$W'/leases"'
must "the only address of a range is taken" cni_ok ADD box2 c2 "$(ipam_with "$tiny")"
wrong "a range that is full" 105 '10.94.9.2|available|in use|fairlead net gc' <<<"$(ipam_with "$tiny")"
wrong "the same attachment once more" 101 'err/box2/eth0|already|DEL' bridge CNI_CONTAINERID=box2 CNI_NETNS=/run/netns/c2 <<<"$(ipam_with "$tiny")"
must "and is given back" cni_ok DEL box2 c2 "$(ipam_with "$tiny")"

mount -t tmpfs -o ro tmpfs /run/fairlead 2>/dev/null || { mkdir -p /run/fairlead && mount -t tmpfs -o ro tmpfs /run/fairlead; }
wrong "a run directory that is read-only" 104 '/run/fairlead|EROFS|FAIRLEAD_RUN_DIR' <<<"$(bridge_with "\"ipam\": $ipam")"
umount /run/fairlead
finish
