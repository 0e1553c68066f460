#!/bin/bash
# `fairlead net` as the only runtime: a whole life of two containers on a dual-stack network, what `fairlead
# show` tells of them, and the results cache as other runtimes read it.
. "$(dirname "$0")/lib.sh"
isolate "$@"
need jq nft sha512sum base64 ping

P=$W/cni
plugin_directory "$P" bridge host-local
new_netns c1
new_netns c2
mkdir -p "$W/conf"
cat >"$W/conf/10-web.conflist" <<'CONF'
{"cniVersion": "1.0.0", "cniVersions": ["0.4.0", "1.1.0", "9.0.0"], "name": "web", "plugins": [
  {"type": "bridge", "bridge": "web0", "isDefaultGateway": true, "ipMasq": true, "capabilities": {"ips": true},
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.96.0.0/24"}], [{"subnet": "fd00:96::/64"}]]}}]}
CONF
echo '{' >"$W/conf/00-broken.conflist"
export NETCONFPATH=$W/conf CNI_PATH=$P
tool() { "$FAIRLEAD_E2E_TOOL" "$@"; }
status_of() { "$@" >"$W/stdout" 2>"$W/stderr"; echo $?; }
show_more() { head -n 40 "$W/stdout" "$W/stderr"; tool show; }

# The bridge and the rule skeletons stay, so they are there before the state is taken.
must "a first attachment" tool net add web c1
must "and its end" tool net del web c1
host_state >"$W/before"

must "status of an idle network" tool net status web
must "attach by name" tool net add web c1 --json
tool net check web c1 >"$W/stdout" 2>"$W/stderr"
equal "check passes" 0 $?
tool net add --capability-args '{"ips": ["10.96.0.77"], "mac": "02:00:00:00:00:99"}' --json web /run/netns/c2 \
  >"$W/result" 2>"$W/stderr"
equal "attach by path, with capability arguments" 0 $?
equal "of which the requested address counts" 10.96.0.77/24 "$(jq -r '.ips[0].address' "$W/result")"
check "the containers reach each other" nsenter --net=/run/netns/c1 ping -c 1 -W 2 10.96.0.77
equal "a second ADD is refused with its code" "1 101" \
  "$(status_of tool net add --json web c1) $(jq .code "$W/stdout")"
check "and the first attachment is as it was" tool net check web c1

echo "---- the cache"
id=cnitool-$(printf /run/netns/c2 | sha512sum | cut -c 1-20)
cached=/var/lib/cni/results/web-$id-eth0
equal "the container id is cnitool's" "$id" "$(jq -r .containerId "$cached")"
equal "the version is the highest that both know" 1.1.0 "$(jq -r .result.cniVersion "$cached")"
equal "the configuration is the file" "$(cat "$W/conf/10-web.conflist")" "$(jq -r .config "$cached" | base64 -d)"
equal "arguments are kept" '["10.96.0.77"]' "$(jq -c .capabilityArgs.ips "$cached")"

echo "---- show"
tool show --json >"$W/show"
link=$(jq -r '.[] | select(.name == "c2") | .links[] | select(.name == "eth0") | .peer.name' "$W/show")
check "the far end of eth0 is a port of the bridge" \
  jq -e --arg link "$link" '.[] | select(.name == "host") | .links[] | select(.name == $link) | .master == "web0"' "$W/show"
equal "addresses" "$(jq -r '[.ips[].address] | join(" ")' "$W/result")" \
  "$(jq -r '.[] | select(.name == "c2") | .links[] | select(.name == "eth0") | [.addresses[].address | select(startswith("fe80") | not)] | join(" ")' "$W/show")"
equal "attachment" "web $id true" \
  "$(jq -r '.[] | select(.name == "c2") | .attachments[] | "\(.network) \(.containerId) \(.plugins[0].done)"' "$W/show")"
check "as text" grep -q "^c2  /run/netns/c2$" <(tool show)
equal "no colour in a pipe" 0 "$(TERM=xterm tool show | grep -c $'\x1b')"

echo "---- garbage is what is known to be dead"
jq 'del(.netns)' "$cached" >"$W/without" && cp "$W/without" "$cached" # as older runtimes write it
must "gc with an entry that names no namespace" tool net gc web
check "keeps the container that runs" tool net check web c2

echo "---- sabotage, garbage, a lost configuration"
nsenter --net=/run/netns/c2 ip address del 10.96.0.77/24 dev eth0
equal "check finds the missing address" 1 "$(status_of tool net check web c2)"
check "and names it" grep -q 10.96.0.77 "$W/stderr"
umount /run/netns/c2 && rm /run/netns/c2
equal "gc would remove the dead container" "remove  $id/eth0  its namespace is gone  /run/netns/c2" \
  "$(tool net gc web --dry-run | grep ^remove)"
must "gc" tool net gc web
check "keeps the living" tool net check web c1
check "its cached result is gone" test ! -e "$cached"
new_netns c2
mv "$W/conf/10-web.conflist" "$W/web"
must "del from what ADD remembered" tool net del web c1
same_state "everything is as it was" "$W/before"
mv "$W/web" "$W/conf/10-web.conflist"
check "del once more" tool net del web c1

echo "---- wrong command lines"
equal "no command" 2 "$(status_of tool)"
equal "no namespace" 2 "$(status_of tool net add web)"
equal "nothing that names a container" 2 "$(status_of tool net del web)"
equal "unknown option" 2 "$(status_of tool show --colour)"
equal "help" 0 "$(status_of tool net add --help)"
equal "unknown network" 1 "$(status_of tool net add nope c1)"
check "which names the known one and the broken file" grep -q 'networks there: web' "$W/stderr"
check "(the broken file)" grep -q 00-broken.conflist "$W/stderr"
equal "no such namespace" 1 "$(status_of tool net add web c9)"
finish
