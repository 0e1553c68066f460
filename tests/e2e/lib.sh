# Shared by the end-to-end tests: isolation, the plugin directory, assertions, the state of the host.
# shellcheck shell=bash
#
# A test sources this file, calls `isolate "$@"` first, and ends with `finish`. From then on it runs in
# network, mount and PID namespaces of its own, with tmpfs over every directory that runtimes and plugins
# write to; when the script dies, everything it started and made dies with it.
#
# FAIRLEAD_E2E_PLUGINS  directory of the plugins to test (Debian's /usr/lib/cni is a valid value)
# FAIRLEAD_E2E_TOOL     the fairlead executable, where a test needs it

set -u
REFERENCE_CNI=/usr/lib/cni

skip() {
  echo "SKIP: $*"
  exit 77
}

need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
  done
}

isolate() {
  if [ "${E2E_INSIDE:-}" != 1 ]; then
    [ "$(id -u)" = 0 ] || skip "needs root"
    # No `ip netns exec` here or later: it remounts /sys and hides the cgroup file systems from runc.
    E2E_INSIDE=1 exec unshare --net --mount --propagation private --pid --fork --kill-child --mount-proc \
      bash "$0" "$@"
  fi
  open_under_test # before anything is hidden: the tree may well be below /tmp or /var/lib
  mount -t tmpfs tmpfs /run
  mkdir -p /run/lock /run/netns
  # Whatever the machine keeps there is hidden; missing directories are not created on it.
  local dir
  for dir in /var/lib /var/log /etc/cni /tmp; do
    if [ -d "$dir" ]; then mount -t tmpfs tmpfs "$dir"; fi
  done
  mkdir -p /var/lib/cni
  ip link set lo up
  W=/run/e2e # everything of this test
  mkdir -p "$W/under-test"
  trap on_exit EXIT
  bind_under_test
  # Settings of the caller's shell are not what is tested.
  unset FAIRLEAD_CONF FAIRLEAD_RUN_DIR FAIRLEAD_LOG_FILE FAIRLEAD_LOG_LEVEL XDG_RUNTIME_DIR
  unset CNI_COMMAND CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_PATH CNI_ARGS
}

open_under_test() {
  local path
  for path in "${FAIRLEAD_E2E_PLUGINS:-}" "${FAIRLEAD_E2E_TOOL:-}"; do
    if [ -n "$path" ] && [ ! -e "$path" ]; then
      echo "FAIL  what is to be tested is not there: $path"
      exit 1
    fi
  done
  exec {plugins_fd}<"${FAIRLEAD_E2E_PLUGINS:-/dev/null}" {tool_fd}<"${FAIRLEAD_E2E_TOOL:-/dev/null}"
}

# $under_test and $FAIRLEAD_E2E_TOOL are where the tests find the two from here on. Without
# --no-canonicalize, mount(8) follows the descriptor to a name that is hidden.
bind_under_test() {
  under_test=$W/under-test/plugins
  if [ -d "/proc/self/fd/$plugins_fd" ]; then
    mkdir "$under_test"
    mount --no-canonicalize --bind "/proc/self/fd/$plugins_fd" "$under_test" || exit 1
  fi
  if [ -n "${FAIRLEAD_E2E_TOOL:-}" ]; then
    FAIRLEAD_E2E_TOOL=$W/under-test/fairlead
    touch "$FAIRLEAD_E2E_TOOL"
    mount --no-canonicalize --bind "/proc/self/fd/$tool_fd" "$FAIRLEAD_E2E_TOOL" || exit 1
  fi
  exec {plugins_fd}<&- {tool_fd}<&-
}

# ---- assertions -------------------------------------------------------------------------------------

checks=0 failures=0

pass() {
  checks=$((checks + 1))
  echo "ok    $*"
}

fail() {
  checks=$((checks + 1)) failures=$((failures + 1))
  echo "FAIL  $*"
  if [ "$failures" = 1 ]; then host_state >"$W/first-failure"; fi
}

# check "sentence" COMMAND...: the command must succeed; its output is shown only if it does not.
check() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1 </dev/null); then
    pass "$what"
  else
    fail "$what"
    printf '%s\n' "command: $*" "$output" | head -n 40 | sed 's/^/      | /'
    return 1
  fi
}

# A step without which the rest says nothing.
must() {
  check "$@" || exit 1
}

equal() { # "sentence" EXPECTED ACTUAL
  if [ "$2" = "$3" ]; then
    pass "$1"
  else
    fail "$1"
    diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | head -n 40 | sed 's/^/      | /'
  fi
}

finish() {
  finished=1
  exit 0
}

# Hooks of a test: what to stop before the namespaces go, what to show after a failure.
stop_everything() { :; }
show_more() { :; }

on_exit() {
  local status=$?
  if [ "${finished:-0}" != 1 ] && [ "$failures" = 0 ]; then
    if [ "$status" = 77 ]; then exit 77; fi
    fail "the script ended early, with status $status"
  fi
  if [ "$failures" != 0 ]; then
    echo "---- state at the first failure"
    head -n 120 "$W/first-failure" | sed 's/^/  | /'
    if [ -f /var/log/fairlead/cni.log ]; then tail -n 30 /var/log/fairlead/cni.log | sed 's/^/  log | /'; fi
    show_more 2>&1 | tail -n 60
  fi
  stop_everything >/dev/null 2>&1
  echo "$checks checks, $failures failed"
  if [ "$failures" = 0 ]; then exit 0; else exit 1; fi
}

# ---- plugins ----------------------------------------------------------------------------------------

# plugin_directory DIR NAME... [-- NAME...]: DIR holds the plugins of the first list as the directory under
# test has them: one that is missing there fails the test, so that Debian's is not praised in its place. The
# second list completes a chain: a plugin that is not under test is Debian's. The two directories themselves
# are $under_test and $W/reference.
plugin_directory() {
  local dir=$1 name
  shift
  mkdir -p "$dir" "$W/reference"
  if ! mountpoint -q "$W/reference"; then
    [ -x "$REFERENCE_CNI/bridge" ] || skip "containernetworking-plugins is not installed"
    mount --bind "$REFERENCE_CNI" "$W/reference"
  fi
  : "${FAIRLEAD_E2E_PLUGINS:?names the plugin directory under test}"
  while [ $# != 0 ] && [ "$1" != -- ]; do
    must "plugin $1 is in $FAIRLEAD_E2E_PLUGINS" test -x "$under_test/$1"
    ln -s "$under_test/$1" "$dir/$1"
    shift
  done
  local completed=''
  for name in "${@:2}"; do
    if [ -x "$under_test/$name" ]; then
      ln -s "$under_test/$name" "$dir/$name"
    else
      must "plugin $name, which completes the chain, is in $REFERENCE_CNI" test -x "$W/reference/$name"
      ln -s "$W/reference/$name" "$dir/$name"
      completed+=" $name"
    fi
  done
  echo "      plugins under test: $FAIRLEAD_E2E_PLUGINS; Debian's:${completed:- none}"
}

# cni VERB PLUGIN CONTAINER NETNS IFNAME <config: one plugin call as a runtime makes it.
cni() {
  CNI_COMMAND=$1 CNI_CONTAINERID=$3 CNI_NETNS=$4 CNI_IFNAME=$5 CNI_PATH=$P "$P/$2"
}

# cni_ok VERB CONTAINER NETNS-NAME CONFIG: one call of the plugin that CONFIG names, for eth0.
cni_ok() {
  cni "$1" "$(jq -r .type <<<"$4")" "$2" "/run/netns/$3" eth0 <<<"$4"
}

# A network namespace for a container, pinned at /run/netns/NAME.
new_netns() {
  touch "/run/netns/$1"
  unshare --net="/run/netns/$1" ip link set lo up
}

# ---- state ------------------------------------------------------------------------------------------

# What ADD may change outside the container, without what counts up by itself (interface indexes,
# packet counters, handles).
host_state() {
  echo "# links"
  ip -d -o link show | sed -E 's/^[0-9]+: //; s/@if[0-9]+//; s/ qlen [0-9]+//; s/ state [A-Z]+//; s/(NO-CARRIER,|,LOWER_UP)//g' |
    awk '{ print $1, $2, $4, $5 }' | sort
  echo "# addresses"
  ip -o address show scope global | awk '{ print $2, $3, $4 }' | sort
  echo "# routes"
  { ip -4 route show; ip -6 route show; } | grep -v '^fe80:' | sed -E 's/ (linkdown|pref medium)//g; s/ +$//' | sort
  echo "# neighbours"
  ip neigh show nud permanent | sort
  echo "# nft"
  nft list ruleset 2>/dev/null | sed -E 's/counter packets [0-9]+ bytes [0-9]+/counter/; s/ *# handle [0-9]+//'
  echo "# leases and records"
  find /var/lib/cni /run/fairlead /run/netns -mindepth 1 ! -type d ! -name 'last_reserved_ip.*' ! -name lock ! -name 'lock.*' 2>/dev/null | sort
  echo "# sysctls"
  grep -H . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
}

# same_state "sentence" BEFORE-FILE
same_state() {
  equal "$1" "$(cat "$2")" "$(host_state)"
}

# The state of a host that networks were used on but that holds no container: nothing of one may show.
no_traces_of() { # "sentence" ADDRESS...: no host link and none of the addresses occurs in it
  local what=$1 address found
  shift
  found=$(host_state | grep -E '^veth')
  for address in "$@"; do
    found+=$(host_state | grep -wF -- "$address" | head -n 5)
  done
  equal "$what" '' "$found"
}

# ---- containers' root file system -----------------------------------------------------------------

busybox_rootfs() { # DIR
  local dir=$1 applet
  mkdir -p "$dir"/{bin,etc,proc,sys,dev,tmp,run}
  cp "$(command -v busybox)" "$dir/bin/busybox"
  "$dir/bin/busybox" true || skip "busybox does not run here"
  for applet in sh cat echo ip ping ping6 sleep httpd true ls hostname; do
    ln -s busybox "$dir/bin/$applet"
  done
  echo 'root:x:0:0:root:/:/bin/sh' >"$dir/etc/passwd"
}
