#!/bin/bash
# Containerd: its CRI service, told of the plugins as the README says, runs a pod; `ctr run --cni` starts
# containers through the plugins, they reach each other and the gateway, and nothing is left after their removal.
#
# What ctr 1.6 does on removal: `ctr run --rm` sends DEL after the task is gone, with CNI_NETNS empty;
# `ctr run --detach` never sends DEL at all, so the test sends it as an operator would.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need containerd ctr runc busybox nft jq curl

# go-cni looks into /opt/cni/bin, then into /usr/lib/cni: the latter becomes the directory under test.
P=$W/cni
plugin_directory "$P" bridge host-local loopback -- portmap firewall tuning
mount --bind "$P" "$REFERENCE_CNI"
if [ -d /opt/cni/bin ]; then mount -t tmpfs tmpfs /opt/cni/bin; fi
[ -d /etc/cni ] || skip "there is no /etc/cni (Debian's containerd makes it)"
mkdir -p /etc/cni/net.d "$W"/{root,state,rootfs}

bridge_config='"type": "bridge", "bridge": "e2e0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.93.0.0/24"}], [{"subnet": "fd00:93::/64"}]],
           "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}'
cat >/etc/cni/net.d/10-e2e.conflist <<CONF
{"cniVersion": "1.0.0", "name": "e2e", "plugins": [
  {$bridge_config},
  {"type": "portmap", "capabilities": {"portMappings": true}}, {"type": "firewall"}, {"type": "tuning"}]}
CONF
cat >"$W/config.toml" <<CONF
version = 2
root = "$W/root"
state = "$W/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:e2e"
  disable_apparmor = true
  disable_cgroup = true
  disable_tcp_service = true
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "$P"
[plugins."io.containerd.internal.v1.opt"]
  path = "$W/opt"
[grpc]
address = "$W/containerd.sock"
CONF
export CONTAINERD_ADDRESS=$W/containerd.sock

mkfifo "$W/console"
stop_everything() {
  local id
  for id in $(ctr task ls -q); do ctr task kill --signal KILL "$id"; done
  kill "$daemon"
}
show_more() {
  ctr task ls
  tail -n 20 "$W/containerd.log"
}
# It says so itself. (tee -p goes on with the log when nobody reads beside it any more.)
booted() { timeout 60 grep -q 'containerd successfully booted' < <(tee -a -p "$W/containerd.log" <"$W/console" 2>/dev/null); }
start_containerd() {
  containerd --config "$W/config.toml" >"$W/console" 2>&1 &
  daemon=$!
  must "containerd starts" booted
  must "and answers" ctr version
}
start_containerd

busybox_rootfs "$W/rootfs"
run_detached() { ctr run --detach --cni --rootfs "$W/rootfs" "$1" /bin/sleep 1000; }
inside() { # CONTAINER COMMAND...
  local id=$1
  shift
  ctr task exec --exec-id "x$RANDOM$RANDOM" "$id" "$@"
}
ping_from() { inside "$1" /bin/ping -c 1 -W 3 "$2"; }
addresses_of() { inside "$1" /bin/ip -o address show dev eth0 scope global | sed -E 's/.* inet6? ([^/]+).*/\1/'; }

# del CONTAINER: the chain backwards, in the network namespace of the task, as go-cni would call it.
del() {
  local id=$1 pid type result config
  pid=$(ctr task ls | awk -v id="$id" '$1 == id { print $2 }')
  result=$(jq .result "/var/lib/cni/results/e2e-default-$id-eth0")
  for type in tuning firewall portmap bridge; do
    config=$(jq --argjson result "$result" --arg type "$type" \
      '. as $list | .plugins[] | select(.type == $type) + {name: $list.name, cniVersion: $list.cniVersion, prevResult: $result}' \
      /etc/cni/net.d/10-e2e.conflist)
    cni DEL "$type" "default-$id" "/proc/$pid/ns/net" eth0 <<<"$config" || return 1
  done
  rm "/var/lib/cni/results/e2e-default-$id-eth0"
  ctr task delete --force "$id" # kills it and waits for its end
  ctr container rm "$id"
}

must "a first container runs" run_detached warm
must "and is removed" del warm
host_state >"$W/before"
no_traces_of "a removed container leaves no trace" 10.93.0.2 fd00:93::2

for name in one two three; do
  must "container $name runs" run_detached "$name"
  addresses_of "$name" >"$W/addresses.$name"
  equal "with one address of each family" 2 "$(wc -l <"$W/addresses.$name")"
done
equal "six distinct addresses" 6 "$(sort -u "$W"/addresses.* | wc -l)"
for from in one two three; do
  check "$from reaches the IPv4 gateway" ping_from "$from" 10.93.0.1
  check "$from reaches the IPv6 gateway" ping_from "$from" fd00:93::1
  for to in one two three; do
    if [ "$from" = "$to" ]; then continue; fi
    while read -r address; do
      check "$from reaches $to at $address" ping_from "$from" "$address"
    done <"$W/addresses.$to"
  done
done
for name in one two three; do
  check "container $name is removed" del "$name"
done
same_state "the host is as before" "$W/before"

# ---- a pod, as kubelet asks for it ------------------------------------------------------------------------

# field NUMBER BYTES: a protobuf field that holds bytes (fewer than 128, none of them 0).
field() {
  local LC_ALL=C
  printf '%b%s' "\\x$(printf %02x $(($1 << 3 | 2)))\\x$(printf %02x ${#2})" "$2"
}
# cri METHOD MESSAGE: one call of the runtime service, gRPC by hand; its answer, printable parts only.
cri() {
  local LC_ALL=C
  { printf '\0\0\0\0%b' "\\x$(printf %02x ${#2})" && printf %s "$2"; } >"$W/request"
  curl --silent --show-error --max-time 60 --http2-prior-knowledge --unix-socket "$W/containerd.sock" \
    --header 'Content-Type: application/grpc' --header 'TE: trailers' --data-binary "@$W/request" \
    --dump-header "$W/headers" --output "$W/answer" "http://localhost/runtime.v1.RuntimeService/$1" || return 1
  tr -cs '[:print:]' '\n' <"$W/answer"
  if ! grep -q '^grpc-status: 0' "$W/headers"; then
    cat "$W/headers"
    return 1
  fi
}
# A docker archive of one layer. The CRI service knows the images that are there when it starts; of later ones it
# learns in its own time.
pause_image() {
  tar -C "$W/rootfs" -cf "$W/layer.tar" .
  jq -n --arg layer "sha256:$(sha256sum "$W/layer.tar" | head -c 64)" --arg architecture "$(dpkg --print-architecture)" \
    '{$architecture, os: "linux", config: {Entrypoint: ["/bin/sleep", "1000"]}, rootfs: {type: "layers", diff_ids: [$layer]}}' \
    >"$W/config.json"
  jq -n '[{Config: "config.json", RepoTags: ["localhost/pause:e2e"], Layers: ["layer.tar"]}]' >"$W/manifest.json"
  tar -C "$W" -cf "$W/pause.tar" manifest.json config.json layer.tar
}
must "an image for the pod is made" pause_image
must "and imported" ctr --namespace k8s.io image import --snapshotter native "$W/pause.tar"
kill "$daemon"
wait "$daemon"
start_containerd

# RunPodSandboxRequest.config.metadata: name, uid, namespace.
run_pod() { cri RunPodSandbox "$(field 1 "$(field 1 "$(field 1 pod)$(field 2 uid)$(field 3 e2e)")")" >"$W/pod" || ! cat "$W/pod"; }
pod_status() { cri PodSandboxStatus "$(field 1 "$pod")"; }
must "a pod runs" run_pod
pod=$(grep -oE '[0-9a-f]{64}' "$W/pod")
address=$(basename "$(grep -l "$pod" /var/lib/cni/networks/e2e/10.*)")
must "it has a lease" test -n "$address"
equal "its status tells the address" "$address" "$(pod_status | grep -xF "$address")"
check "where it answers" ping -c 1 -W 3 "$address"
check "it is stopped" cri StopPodSandbox "$(field 1 "$pod")"
check "it is removed" cri RemovePodSandbox "$(field 1 "$pod")"
same_state "the host is as before the pod" "$W/before"

# Here ctr itself sends the DEL, with an empty CNI_NETNS: plugins must do without the namespace. (Debian's
# bridge 1.1.1 fails this one: it frees the address and leaves its masquerading chain to the next owner.)
equal "a container that ends by itself prints its address" 1 \
  "$(ctr run --rm --cni --rootfs "$W/rootfs" brief /bin/ip -4 -o address show dev eth0 | grep -c 10.93.0)"
same_state "the host is as before again" "$W/before"
finish
