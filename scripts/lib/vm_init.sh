#!/bin/busybox sh
# shellcheck shell=dash
# First process of the virtual machine: mounts the machine's root directory read-only with a tmpfs over it,
# and hands over to the script that tests/vm/vm.sh wrote.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
while read -r module; do $B insmod "/mods/$module"; done </order
share() { $B mount -t 9p -o "$1,trans=virtio,version=9p2000.L,msize=512000${4:-}" "$2" "$3"; }
share ro root /ro ,cache=loose || $B poweroff -f
$B mount -t tmpfs -o size=75% tmpfs /rw
$B mkdir -p /rw/up /rw/work
$B mount -t overlay -o lowerdir=/ro,upperdir=/rw/up,workdir=/rw/work overlay /new
$B mkdir -p /new/vm /new/lib/modules
share rw vm /new/vm
share ro modules /new/lib/modules ,cache=loose
$B mount -t proc proc /new/proc
$B mount -t sysfs sys /new/sys
$B mount -t devtmpfs dev /new/dev
# What udev adds to a devtmpfs: `nft -j -f -` opens /dev/stdin by name.
$B ln -s /proc/self/fd /new/dev/fd
$B ln -s /proc/self/fd/0 /new/dev/stdin
$B ln -s /proc/self/fd/1 /new/dev/stdout
$B ln -s /proc/self/fd/2 /new/dev/stderr
$B mkdir -p /new/dev/pts /new/dev/shm
$B mount -t devpts devpts /new/dev/pts
$B mount -t tmpfs tmpfs /new/dev/shm
$B mount -t tmpfs tmpfs /new/run
$B mount -t tmpfs tmpfs /new/tmp
$B mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
$B ip link set lo up
exec $B switch_root /new /bin/bash /vm/script
