#!/bin/bash
# Shows Fairlead at work on this machine: installs what is needed, builds, then makes two containers and a
# dual-stack network in namespaces of its own. The machine's network is not touched.
#
#   sudo ./scripts/demo.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"

prepare() {
  # shellcheck source-path=SCRIPTDIR source=lib/packages.sh
  . "$FAIRLEAD_ROOT/scripts/lib/packages.sh"
  [ "$(id -u)" = 0 ] || die "needs root: it installs packages and makes network namespaces"
  step packages install_packages build demo || exit 1
  step "build release" configure_and_build release --target executables || exit 1
  echo
}

# From here on: a host of our own, empty, that ends with the script.
make_host() {
  # Opened before anything is hidden: the tree may live below one of these directories.
  local build
  exec {build}<"${FAIRLEAD_DEMO_BUILD:-$FAIRLEAD_ROOT/build/release}"
  mount -t tmpfs tmpfs /run
  mkdir -p /run/netns /run/build
  mount --no-canonicalize --bind "/proc/self/fd/$build" /run/build
  exec {build}<&-
  for dir in /var/lib /var/log /etc/cni; do
    if [ -d "$dir" ]; then mount -t tmpfs tmpfs "$dir"; fi
  done
  ip link set lo up
  for name in web db outside; do
    touch "/run/netns/$name"
    unshare --net="/run/netns/$name" ip link set lo up
  done
  # "outside" knows nothing of the containers' addresses: only masqueraded packets get an answer.
  ip link add uplink type veth peer name eth0 netns /run/netns/outside
  ip link set uplink up
  ip address add 192.0.2.1/24 dev uplink
  ip address add 2001:db8::1/64 dev uplink nodad
  inside outside ip link set eth0 up
  inside outside ip address add 192.0.2.2/24 dev eth0
  inside outside ip address add 2001:db8::2/64 dev eth0 nodad
  mkdir /run/networks
  cat >/run/networks/demo.conflist <<'CONFLIST'
{ "cniVersion": "1.1.0", "name": "demo", "plugins": [
  { "type": "bridge", "bridge": "demo0", "isDefaultGateway": true, "ipMasq": true,
    "ipam": { "type": "host-local", "ranges": [ [ { "subnet": "10.1.0.0/24" } ], [ { "subnet": "fd00:1::/64" } ] ] } } ] }
CONFLIST
}

inside() {
  local name=$1
  shift
  nsenter --net="/run/netns/$name" -- "$@"
}

say() { printf '\n%s# %s%s\n' "$c_dim" "$*" "$c_off"; }

# Shows a command as the operator would type it, then runs it.
on_host() {
  printf '%s$ %s%s\n' "$c_bold" "$*" "$c_off"
  "$@"
}
in_container() {
  local name=$1
  shift
  printf '%s%s$ %s%s\n' "$c_bold" "$name" "$*" "$c_off"
  inside "$name" "$@"
}
ping_once() {
  local name=$1 address=$2
  printf '%s%s$ ping -c 1 %s%s\n' "$c_bold" "$name" "$address" "$c_off"
  inside "$name" ping -n -c 1 -W 3 "$address" | grep 'bytes from'
}

# What the host has, without the shared bridge's own appearance: the proof at the end compares it.
of_containers() {
  ip -o link show type veth | awk '{ sub(/@.*/, "", $2); print "link " $2 }'
  nft -j list ruleset | grep -o '"elem": *\[[^]]*\]' | sed 's/^/nft /'
  find /run/fairlead/attachments /run/fairlead/leases /var/lib/cni -type f ! -name lock ! -name 'last_reserved_ip.*' 2>/dev/null
  return 0
}

show() {
  export NETCONFPATH=/run/networks PATH=/run/build/bin:$PATH
  local before after

  say "A network: a bridge, IPv4 and IPv6, masqueraded towards the world."
  on_host cat /run/networks/demo.conflist
  before=$(of_containers)

  say "Two containers (their network namespaces, that is) join it."
  on_host fairlead net add demo web
  printf '%s$ fairlead net add demo db >/dev/null%s\n' "$c_bold" "$c_off"
  fairlead net add demo db >/dev/null

  say "They reach each other, and the world through masquerading."
  local db4 db6
  db4=$(inside db ip -4 -o address show dev eth0 | sed -E 's/.*inet ([^/]+).*/\1/')
  db6=$(inside db ip -6 -o address show dev eth0 scope global | sed -E 's/.*inet6 ([^/]+).*/\1/')
  ping_once web "$db4"
  ping_once web "$db6"
  ping_once web 192.0.2.2
  ping_once web 2001:db8::2

  say "What is where."
  on_host fairlead show web

  say "Somebody breaks something; CHECK says what."
  in_container web ip route del default
  if on_host fairlead net check demo web; then die "CHECK did not see the missing route"; fi

  say "They leave."
  on_host fairlead net del demo web
  on_host fairlead net del demo db
  after=$(of_containers)
  if [ "$before" = "$after" ]; then
    printf '%slinks, rules, leases and records of the containers left on the host: none%s\n' "$c_green" "$c_off"
  else
    printf '%sleft behind:%s\n%s\n' "$c_red" "$c_off" "$after"
    return 1
  fi
}

if [ "${FAIRLEAD_DEMO_INSIDE:-}" != 1 ]; then
  prepare
  FAIRLEAD_DEMO_INSIDE=1 exec unshare --net --mount --propagation private bash "$0"
fi
make_host
show
