#!/bin/bash
# Podman 4.3 with network_backend=cni drives the plugins: a dual-stack network, three containers that reach
# each other and the gateway, static addresses, restart, and nothing left after stop and rm.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need podman runc conmon busybox nft jq

P=$W/cni
plugin_directory "$P" bridge host-local loopback -- portmap firewall tuning

mkdir -p "$W"/{storage,runroot,libpod,tmp,net,rootfs}
# Two directories in this order, as the README tells people to configure it.
# crun refuses a machine with cgroup v1 and v2 mixed; limits above the caller's own are refused by runc.
cat >"$W/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
cgroupns = "host"
pids_limit = 0
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
static_dir = "$W/libpod"
tmp_dir = "$W/tmp"
[network]
network_backend = "cni"
cni_plugin_dirs = ["$under_test", "$W/reference"]
network_config_dir = "$W/net"
CONF
cat >"$W/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$W/storage"
runroot = "$W/runroot"
CONF
export CONTAINERS_CONF=$W/containers.conf CONTAINERS_STORAGE_CONF=$W/storage.conf TMPDIR=$W

stop_everything() { podman rm --all --force --time 0; }
show_more() {
  podman ps --all
  podman network inspect e2e
}

# run NAME [OPTION...]: a container of the network that only sleeps.
run() {
  local name=$1
  shift
  podman run --detach --name "$name" --network e2e --cap-add NET_RAW "$@" localhost/busybox:e2e sleep 1000
}
address() { # CONTAINER FAMILY-KEY
  podman inspect "$1" | jq -r ".[0].NetworkSettings.Networks.e2e.$2"
}
ping_from() { podman exec "$1" ping -c 1 -W 3 "$2"; }

busybox_rootfs "$W/rootfs"
tar -C "$W/rootfs" -cf "$W/busybox.tar" .
must "an image is imported" podman import --quiet "$W/busybox.tar" localhost/busybox:e2e
must "a dual-stack network is created" podman network create --ipv6 \
  --subnet 10.91.0.0/24 --gateway 10.91.0.1 --subnet fd00:91::/64 --gateway fd00:91::1 e2e
check "podman accepts every plugin of the network" podman network inspect e2e

# The bridge, forwarding and rule skeletons stay by design, so the first cycle is what "before" means.
must "a first container runs" run warm --publish 127.0.0.1:8098:80
must "and is removed" podman rm --force --time 0 warm
host_state >"$W/before"
no_traces_of "a removed container leaves no trace" "10.91.0.2" "fd00:91::2"

for name in one two three; do
  must "container $name runs" run "$name"
done
check "each has a host link" test "$(ip -o link show type veth | wc -l)" = 3

addresses=''
for name in one two three; do
  addresses+="$(address "$name" IPAddress) $(address "$name" GlobalIPv6Address) "
done
equal "six distinct addresses" 6 "$(printf '%s\n' $addresses | sort -u | grep -c .)"

for from in one two three; do
  check "$from reaches the IPv4 gateway" ping_from "$from" 10.91.0.1
  check "$from reaches the IPv6 gateway" ping_from "$from" fd00:91::1
  for to in one two three; do
    if [ "$from" = "$to" ]; then continue; fi
    check "$from reaches $to over IPv4" ping_from "$from" "$(address "$to" IPAddress)"
    check "$from reaches $to over IPv6" ping_from "$from" "$(address "$to" GlobalIPv6Address)"
  done
done

check "a static address is granted" run four --ip 10.91.0.77 --mac-address 02:42:0a:5b:00:4d
equal "and is the one asked for" 10.91.0.77 "$(address four IPAddress)"
equal "with the MAC address asked for" 02:42:0a:5b:00:4d "$(address four MacAddress)"
check "the host reaches it" ping -c 1 -W 3 10.91.0.77
run five --ip 10.91.0.77 >"$W/taken" 2>&1
equal "the same address is refused to another" refused "$([ $? = 0 ] && echo granted || echo refused)"
check "with the address in the message" grep -F 10.91.0.77 "$W/taken"
podman rm --force --time 0 four five >/dev/null 2>&1
check "it is free again once its owner is gone" run six --ip 10.91.0.77
check "and reaches its new owner, who has another MAC address" ping -c 1 -W 3 10.91.0.77
podman rm --force --time 0 six >/dev/null

# The chain goes on behind our plugins: Debian's portmap works on the result that they hand on.
check "a container with a published port runs" run web --publish 127.0.0.1:8099:80
# It goes into the background once it listens, so nobody has to try until it answers.
check "a server in it listens" podman exec web sh -c 'httpd -p 80 -h /etc </dev/null >/dev/null 2>&1'
equal "the port answers on the host" "$(cat "$W/rootfs/etc/passwd")" \
  "$(printf 'GET /passwd HTTP/1.0\r\n\r\n' | timeout 10 busybox nc 127.0.0.1 8099 | tail -n 1)"
check "and its container is removed" podman rm --force --time 0 web

# Stop sends DEL, start ADD.
must "container two stops" podman stop --time 0 two
check "its host link is gone" test "$(ip -o link show type veth | wc -l)" = 2
must "container two starts again" podman start two
check "and reaches the gateway" ping_from two 10.91.0.1
check "podman network reload succeeds" podman network reload one
check "and one reaches the gateway again" ping_from one 10.91.0.1

must "an internal network is created" podman network create --internal --subnet 10.92.0.0/24 inner
check "a container of two networks runs" run both --network inner
check "a container of the internal network runs" podman run --detach --name in --network inner --cap-add NET_RAW \
  localhost/busybox:e2e sleep 1000
check "they reach each other inside" ping_from in \
  "$(podman inspect both | jq -r '.[0].NetworkSettings.Networks.inner.IPAddress')"
equal "the internal network gives no default route" '' "$(podman exec in ip route | grep default)"
equal "and its bridge has no address" '' "$(ip -o address show | grep -wF 10.92.0)"
podman rm --force --time 0 both in >/dev/null 2>&1
check "the internal network is removed" podman network rm inner

for name in one two three; do
  check "container $name is stopped" podman stop --time 0 "$name"
  check "container $name is removed" podman rm "$name"
done
same_state "the host is as before" "$W/before"
no_traces_of "no link, lease or rule of a container is left" "10.91.0.2" "10.91.0.3" "10.91.0.77" "fd00:91::2"
check "the network is removed" podman network rm e2e
finish
