#!/bin/bash
# Prepares what tests/vm/vm.sh boots: Debian's current kernel, unpacked and never installed, and a small
# initramfs. Does nothing when both are there, and keeps an older kernel when the archive is out of reach.
#
#   scripts/lib/vm_kernel.sh DIRECTORY
#
# Leaves in DIRECTORY: vmlinux, initrd.gz, modules/ (a tree for modprobe), version.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
directory=$1
mkdir -p "$directory"
cd "$directory"
directory=$PWD

current_package() {
  apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}
# What was prepared is usable as long as it starts with this vm_init.sh.
init=$(cksum <"$here/vm_init.sh" | tr ' ' -)
prepared() { [[ $(cat version 2>/dev/null) == *-"$init" ]]; }

package=$(current_package)
if [ -z "$package" ]; then # an image without package lists
  if prepared; then exit 0; fi
  apt-get update -q
  package=$(current_package)
fi
[ -n "$package" ] || { echo "vm kernel: linux-image-amd64 depends on no kernel" >&2; exit 1; }
version=${package#linux-image-}
stamp=$version-$init
if [ "$(cat version 2>/dev/null)" = "$stamp" ]; then exit 0; fi

# Modules of the initramfs: what it takes to see the machine's root directory.
boot_modules=(virtio_pci 9pnet_virtio 9p overlay)

download() { apt-get download -q -o APT::Sandbox::User=root "$package"; }

fetch() {
  rm -rf unpacked ./*.deb
  # The archive may have replaced the version that the local lists know.
  download || { apt-get update -q && download; } || return
  dpkg-deb -x "$package"_*.deb unpacked || return
  rm -f ./*.deb
  depmod -b unpacked "$version"
}

# The compressed kernel takes seconds to unpack itself without KVM; qemu boots the bare ELF file through its
# PVH entry point.
extract_vmlinux() {
  local image=unpacked/boot/vmlinuz-$version offset
  offset=$(LC_ALL=C grep -abo -m 1 -P '\xfd7zXZ\x00' "$image" | head -n 1 | cut -d : -f 1)
  # The image goes on behind the compressed stream.
  tail -c +$((offset + 1)) "$image" | xz -dc --single-stream >vmlinux.tmp 2>/dev/null || true
  [ "$(head -c 4 vmlinux.tmp | tail -c 3)" = ELF ] || { echo "vm kernel: no ELF file in $image" >&2; return 1; }
  mv vmlinux.tmp vmlinux
}

build_initrd() {
  local root module file
  root=$(mktemp -d)
  mkdir -p "$root"/{bin,mods,proc,sys,dev,ro,rw,new}
  cp "$(command -v busybox)" "$root/bin/busybox"
  cp "$here/vm_init.sh" "$root/init"
  chmod 755 "$root/init"
  for module in "${boot_modules[@]}"; do
    modprobe -d unpacked -S "$version" --show-depends "$module" | sed -n 's/^insmod //p'
  done | awk '{ print $1 }' | awk '!seen[$0]++' >"$root/files"
  while read -r file; do
    cp "$file" "$root/mods/"
    basename "$file" >>"$root/order"
  done <"$root/files"
  (cd "$root" && rm files && find . | cpio -o -H newc --quiet | gzip -1) >initrd.gz.tmp
  rm -rf "$root"
  mv initrd.gz.tmp initrd.gz
}

if ! fetch; then
  prepared || { echo "vm kernel: cannot get $package" >&2; exit 1; }
  echo "vm kernel: cannot get $package; $(cat version) stays in use" >&2
  exit 0
fi
rm -f version
extract_vmlinux
build_initrd
rm -rf modules
mv unpacked/lib/modules modules
rm -rf unpacked
echo "$stamp" >version
