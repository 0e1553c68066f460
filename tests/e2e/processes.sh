#!/bin/bash
# What the plugins start: ADD and DEL of bridge with our host-local run in one process. The exceptions are
# threads (that enter a namespace), the one child that waits for the kernel's grace periods in DEL, and a
# foreign IPAM plugin, which is executed once per call.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need strace jq readelf

P=$W/cni
plugin_directory "$P" bridge host-local
new_netns c1
config='{"cniVersion": "1.0.0", "name": "proc", "type": "bridge", "bridge": "proc0", "isGateway": true, "ipMasq": true,
  "ipam": {"type": "IPAM", "ranges": [[{"subnet": "10.95.0.0/24"}], [{"subnet": "fd00:95::/64"}]]}}'
ours=${config/IPAM/host-local}
foreign=${config/IPAM/foreign-local}
ln -s "$W/reference/host-local" "$P/foreign-local"

# traced VERB CONFIG: the calls that start programs and processes, without strace's own start of the plugin.
traced() {
  CNI_COMMAND=$1 CNI_CONTAINERID=box1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=$P \
    strace -f -qq -o "$W/trace.$1" -e trace=execve,execveat,clone,clone3,fork,vfork -e signal=none \
    "$P/bridge" <<<"$2" >"$W/answer.$1" || { cat "$W/answer.$1"; return 1; }
  sed -i 1d "$W/trace.$1"
}
programs() { grep -cE 'execve(at)?\(' "$W/trace.$1"; }
# Processes that live on, beside the plugin: neither threads nor what vfork starts, which holds its parent
# until it execs (a program, counted above) or exits (the one step between plugin and child in DEL). A call
# that strace prints in two halves counts once.
processes() { grep -E '(clone3?|fork)\(' "$W/trace.$1" | grep -vcE 'CLONE_THREAD|CLONE_VFORK'; }
steps_between() { grep -cE 'CLONE_VFORK|vfork\(' "$W/trace.$1"; }
show_more() { head -n 30 "$W"/trace.* "$W"/answer.*; }

for plugin in bridge host-local static loopback; do
  check "$plugin is there" test -x "$under_test/$plugin"
  equal "$plugin loads no shared library" 0 "$(readelf --dynamic "$under_test/$plugin" 2>&1 | grep -c NEEDED)"
done
for cycle in first second; do
  must "ADD, $cycle cycle" traced ADD "$ours"
  equal "executes no program" 0 "$(programs ADD)"
  equal "starts no process" "0 0" "$(processes ADD) $(steps_between ADD)"
  must "DEL, $cycle cycle" traced DEL "$ours"
  equal "executes no program" 0 "$(programs DEL)"
  check "starts at most the child that waits" test "$(processes DEL)" -le 1
  check "with at most one step between" test "$(steps_between DEL)" -le 1
done
must "ADD with a foreign IPAM plugin" traced ADD "$foreign"
equal "executes that, once" 1 "$(programs ADD)"
equal "by its name" 1 "$(grep -c "execve(\"$P/foreign-local\"" "$W/trace.ADD")"
must "DEL with a foreign IPAM plugin" traced DEL "$foreign"
equal "executes that, once" 1 "$(programs DEL)"

# A read-only /var/log must not cost a call its time: spdlog's file sink slept 50 ms over it.
CNI_COMMAND=ADD CNI_CONTAINERID=box1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=lo CNI_PATH=$P FAIRLEAD_LOG_LEVEL=debug \
  FAIRLEAD_LOG_FILE=/proc/none/log strace -f -qq -o "$W/trace.sleep" -e trace=nanosleep,clock_nanosleep \
  -e signal=none "$under_test/loopback" <<<'{"cniVersion": "1.0.0", "name": "lo"}' >"$W/answer.sleep"
equal "a call without a log to write to ends well" 0 $?
equal "and sleeps over it not once" 0 "$(grep -c sleep "$W/trace.sleep")"
finish
