#!/bin/bash
# What the plugins start: every verb of every plugin runs in one process. The exceptions are threads (that
# enter a namespace), the one child that waits for the kernel's grace periods after something was deleted, and
# a foreign IPAM plugin, which is executed once per call.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need strace jq readelf

P=$W/cni
plugin_directory "$P" bridge host-local static loopback
new_netns c1
new_netns c2
ln -s "$W/reference/host-local" "$P/foreign-local"

ranges='"ranges": [[{"subnet": "10.95.0.0/24"}], [{"subnet": "fd00:95::/64"}]]'
network='"cniVersion": "1.1.0", "name": "proc"'
plain="{$network, \"type\": \"bridge\", \"bridge\": \"proc0\", \"isGateway\": true, \"ipam\": {\"type\": \"host-local\", $ranges}}"
masquerading=$(jq -c '. + {ipMasq: true}' <<<"$plain")
foreign=$(jq -c '.cniVersion = "1.0.0" | .ipam.type = "foreign-local"' <<<"$masquerading")
# The kernel refuses the route after everything else is made.
failing=$(jq -c '.ipam.routes = [{dst: "198.51.100.0/24", gw: "203.0.113.9"}]' <<<"$masquerading")

# traced VERB CONFIG: one call of the plugin that CONFIG names; what it starts is in $W/trace, without strace's
# own start of the plugin.
traced() {
  local type status
  type=$(jq -r .type <<<"$2")
  CNI_COMMAND=$1 CNI_CONTAINERID=box1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=${ifname:-eth0} CNI_PATH=$P \
    strace -f -qq -o "$W/trace" -e trace=execve,execveat,clone,clone3,fork,vfork -e signal=none \
    "$P/$type" <<<"$2" >"$W/answer"
  status=$?
  sed -i 1d "$W/trace"
  if [ $status != 0 ]; then cat "$W/answer"; fi
  return $status
}
programs() { grep -cE 'execve(at)?\(' "$W/trace"; }
# Processes that live on, beside the plugin: neither threads nor what vfork starts, which holds its parent
# until it execs (a program, counted above) or exits (the one step between plugin and child in DEL). A call
# that strace prints in two halves counts once.
processes() { grep -E '(clone3?|fork)\(' "$W/trace" | grep -vcE 'CLONE_THREAD|CLONE_VFORK'; }
steps_between() { grep -cE 'CLONE_VFORK|vfork\(' "$W/trace"; }
started() { echo "$(programs) programs, $(processes) processes, $(steps_between) steps"; }
nothing='0 programs, 0 processes, 0 steps'
one_child='0 programs, 1 processes, 1 steps'
show_more() { head -n 30 "$W/trace" "$W/answer"; }

# starts WHAT VERB CONFIG: the call succeeds and starts just that.
starts() {
  local what=$1 type
  shift
  type=$(jq -r .type <<<"$2")
  must "$type $1" traced "$@"
  equal "$type $1 starts $what" "$what" "$(started)"
}

# life CONFIG: every verb of one attachment, with what it may start: only DEL deletes.
life() {
  local config=$1 with_result on_delete=$2
  starts "$nothing" VERSION "$config"
  starts "$nothing" STATUS "$config"
  starts "$nothing" ADD "$config"
  with_result=$(jq -c --slurpfile result "$W/answer" '. + {prevResult: $result[0]}' <<<"$config")
  starts "$nothing" CHECK "$with_result"
  starts "$nothing" GC "$(jq -c --arg ifname "${ifname:-eth0}" \
    '. + {"cni.dev/valid-attachments": [{containerID: "box1", ifname: $ifname}]}' <<<"$config")"
  starts "$on_delete" DEL "$with_result"
}

for plugin in bridge host-local static loopback; do
  must "$plugin is an executable" readelf --file-header "$under_test/$plugin"
  equal "$plugin loads no shared library" 0 "$(readelf --dynamic "$under_test/$plugin" 2>&1 | grep -c NEEDED)"
done
echo "---- bridge"
for cycle in first second; do
  echo "      $cycle cycle"
  life "$plain" "$one_child"
  life "$masquerading" "$one_child"
done
echo "---- the others"
life "{$network, \"type\": \"host-local\", \"ipam\": {\"type\": \"host-local\", $ranges}}" "$nothing"
life "{$network, \"type\": \"static\", \"ipam\": {\"type\": \"static\", \"addresses\": [{\"address\": \"10.95.1.9/24\"}]}}" "$nothing"
ifname=lo life "{$network, \"type\": \"loopback\"}" "$nothing"

echo "---- what is deleted otherwise"
traced ADD "$failing" >/dev/null
equal "an ADD that fails is refused" 1 $?
check "for the route" grep -q 203.0.113.9 "$W/answer"
equal "and starts the one child to undo it" "$one_child" "$(started)"
must "an attachment that nobody takes back" cni_ok ADD box2 c2 "$masquerading"
starts "$one_child" GC "$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$masquerading")"

echo "---- a foreign IPAM plugin"
must "ADD with it" traced ADD "$foreign"
equal "executes that, once" 1 "$(programs)"
equal "by its name" 1 "$(grep -c "execve(\"$P/foreign-local\"" "$W/trace")"
must "DEL with it" traced DEL "$foreign"
equal "executes that, once" 1 "$(programs)"

# A read-only /var/log must not cost a call its time: spdlog's file sink slept 50 ms over it.
CNI_COMMAND=ADD CNI_CONTAINERID=box1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=lo CNI_PATH=$P FAIRLEAD_LOG_LEVEL=debug \
  FAIRLEAD_LOG_FILE=/proc/none/log strace -f -qq -o "$W/trace.sleep" -e trace=nanosleep,clock_nanosleep \
  -e signal=none "$under_test/loopback" <<<'{"cniVersion": "1.0.0", "name": "lo"}' >"$W/answer.sleep"
equal "a call without a log to write to ends well" 0 $?
equal "and sleeps over it not once" 0 "$(grep -c sleep "$W/trace.sleep")"
finish
