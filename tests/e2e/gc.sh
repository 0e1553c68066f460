#!/bin/bash
# GC beside other calls, which the specification forbids and runtimes do all the same, and GC that cannot work.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need jq

P=$W/cni
plugin_directory "$P" bridge host-local
mkfifo "$W/reserved" "$W/go"
# A foreign IPAM plugin that has its address and takes its time.
cat >"$P/slow" <<SCRIPT
#!/bin/sh
"$P/host-local" || exit 1
[ "\$CNI_COMMAND" = ADD ] || exit 0
echo >"$W/reserved"
read -r _ <"$W/go"
SCRIPT
chmod 755 "$P/slow"

config() { # IPAM-TYPE
  printf '{"cniVersion": "1.1.0", "name": "net", "type": "bridge", "bridge": "cni0", "isGateway": true,
    "ipam": {"type": "%s", "subnet": "10.93.0.0/24"}}' "$1"
}
gc() { # IPAM-TYPE CONTAINER...: all that are valid
  local config
  config=$(config "$1")
  shift
  jq --args '."cni.dev/valid-attachments" = [$ARGS.positional[] | {containerID: ., ifname: "eth0"}]' "$@" \
    <<<"$config" | CNI_COMMAND=GC CNI_PATH=$P "$P/bridge"
}
leases() { find /var/lib/cni/networks/net -type f -name '10.*' -printf '%f ' | sort; }
address_of() { jq -r '.ips[0].address' "$W/answer.$1"; }

for ipam in host-local slow; do
  new_netns "c1-$ipam"
  new_netns "c2-$ipam"
  cni_ok ADD c1 "c1-$ipam" "$(config slow)" >"$W/answer.c1" &
  add=$!
  read -r _ <"$W/reserved"
  held=$(leases)
  check "$ipam: GC beside an ADD that has its address" gc "$ipam"
  equal "$ipam: leaves that its lease" "$held" "$(leases)"
  echo >"$W/go"
  wait "$add"
  equal "$ipam: the ADD ends well" 0 $?
  cni_ok ADD c2 "c2-$ipam" "$(config host-local)" >"$W/answer.c2"
  equal "$ipam: the next one gets another address" 2 "$({ address_of c1; address_of c2; } | sort -u | wc -l)"
  must "$ipam: GC when nothing else runs" gc "$ipam" c2
  equal "$ipam: frees what is garbage" "$(address_of c2 | cut -d/ -f1) " "$(leases)"
  must "$ipam: and the rest" gc "$ipam"
  equal "$ipam: no lease is left" '' "$(leases)"
  no_traces_of "$ipam: and nothing else" 10.93.0.2
done

# ---- fairlead net gc: whose namespace is gone -----------------------------------------------------------------------

config host-local | jq '{cniVersion, name, plugins: [del(.cniVersion, .name)]}' >"$W/net.conflist"
tool() { "$FAIRLEAD_E2E_TOOL" net "$1" "$W/net.conflist" --plugin-dir "$P" "${@:2}"; }
export -f tool
export W P
mkfifo "$W/up"
unshare --net sh -c 'echo >"$0" && exec sleep 1000' "$W/up" &
process=$!
read -r _ <"$W/up"
new_netns c4
must "a process is attached" tool add "/proc/$process/ns/net" --container-id process
must "and a container" tool add c4 --container-id c4
check "GC in a PID namespace of its own" unshare --pid --fork --mount-proc bash -c 'tool gc'
check "keeps the process" tool check "/proc/$process/ns/net" --container-id process
check "GC where /run/netns is another's" unshare --mount bash -c 'mount -t tmpfs tmpfs /run/netns && tool gc'
check "keeps the container" tool check c4 --container-id c4
must "the process is detached" tool del --container-id process
kill "$process"

# Others attach while it works: what comes after it has looked is spared.
gc_until_enough() {
  until [ -e "$W/enough" ]; do tool gc || return 1; done
}
gc_until_enough >"$W/collected" 2>&1 &
collector=$!
lost=''
for ((i = 0; i < 60; i++)); do
  new_netns "n$i"
  tool add "n$i" --container-id "n$i" >"$W/added" 2>&1 || lost+=" add of n$i: $(cat "$W/added")"
done
touch "$W/enough"
wait "$collector"
equal "GC in a loop beside 60 attachments ends well" "0 " "$? $(cat "$W/collected")"
for ((i = 0; i < 60; i++)); do
  tool check "n$i" --container-id "n$i" >"$W/checked" 2>&1 || lost+=" n$i: $(cat "$W/checked")"
done
equal "and none loses its interface or its lease" '' "$lost"
for ((i = 0; i < 60; i++)); do umount "/run/netns/n$i" && rm "/run/netns/n$i"; done
must "GC when they are gone" tool gc
equal "leaves the leases of those that live" 1 "$(leases | wc -w)"

# As a reboot leaves it: /run is empty, the links are gone, leases and cached results are there.
umount /run/netns/*
must "the host starts anew" rm -r /run/netns /run/fairlead
ip link delete cni0
equal "a lease is left" 1 "$(leases | wc -w)"
must "GC of what may have been attached since the host started" tool gc
equal "keeps it" 1 "$(leases | wc -w)"
touch -d @1 /var/lib/cni/results/net-c4-eth0
must "GC of what was attached before" tool gc
equal "removes its lease" '' "$(leases)"
check "and its cached result" test ! -e /var/lib/cni/results/net-c4-eth0
mkdir /run/netns

mkdir "$W/state"
mount -t tmpfs tmpfs "$W/state"
export FAIRLEAD_RUN_DIR=$W/state/run
new_netns c3
must "an attachment" cni_ok ADD c3 c3 "$(config host-local)"
host_state >"$W/before"
mount -o remount,ro "$W/state"
answer=$(gc host-local)
equal "GC that cannot open its lock fails" 104 "$(jq -r .code <<<"$answer")"
same_state "and removes nothing" "$W/before"
mount -o remount,rw "$W/state"
must "GC that can" gc host-local
equal "removes everything" '' "$(leases)"
finish
