#!/bin/bash
# Runs a command under Debian's own kernel, in a virtual machine that sees this machine's files read-only.
#
#   tests/vm/vm.sh [-k DIRECTORY] [-m MODULES] [-t SECONDS] [-s MiB] -- COMMAND [ARGUMENT...]
#
# -k: what scripts/lib/vm_kernel.sh prepared (default: build/vm of this tree). -m: modules to load first.
# -t: limit (default 300). Everything the command writes stays in the machine's memory, except what it puts
# into the directory $VM_OUT, which -o names on this side.
# Exit status: that of the command; 124 past the limit; 125 when the machine did not report one.
# No KVM: it is emulated; boot and power-off take about 5 s. The machine's clock counts its instructions, one
# nanosecond each, and follows ours only while nothing runs (-icount): a limit in what is tested means the
# same however slow the emulation and busy the machine around it are. Only -t is our time. One processor, since
# with -icount several run by turns, and Linux' waiting for each other at boot takes minutes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
kernel=$root/build/vm modules='' limit=300 memory=1024 out=''
while getopts k:m:t:s:o: option; do
  case $option in
    k) kernel=$OPTARG ;;
    m) modules=$OPTARG ;;
    t) limit=$OPTARG ;;
    s) memory=$OPTARG ;;
    o) out=$OPTARG ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "vm: no command" >&2; exit 2; }
[ -s "$kernel/version" ] || { echo "vm: no kernel in $kernel; scripts/lib/vm_kernel.sh prepares it" >&2; exit 2; }

share=$(mktemp -d "${TMPDIR:-/var/tmp}/fairlead-vm.XXXXXX")
trap 'rm -rf "$share"' EXIT
mkdir "$share/out"
{
  echo 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root VM_OUT=/vm/out'
  for module in $modules; do echo "modprobe $module || echo 'vm: no module $module' >>/vm/stderr"; done
  printf 'cd %q\n' "$PWD"
  printf '(%s) >/vm/stdout 2>>/vm/stderr </dev/null\n' "$(printf ' %q' "$@")"
  echo 'echo $? >/vm/status; sync; busybox poweroff -f'
} >"$share/script"

# shellcheck disable=SC2054  # commas are qemu's
arguments=(
  -accel tcg -icount shift=0 -cpu max -machine q35 -m "$memory" -smp 1 -nodefaults -no-user-config -display none -no-reboot
  -serial file:"$share/console" -kernel "$kernel/vmlinux" -initrd "$kernel/initrd.gz"
  -append 'console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off random.trust_cpu=on tsc=reliable no_timer_check'
  -device virtio-rng-pci
  -fsdev local,id=f0,path=/,security_model=none,readonly=on,multidevs=remap -device virtio-9p-pci,fsdev=f0,mount_tag=root
  -fsdev local,id=f1,path="$kernel/modules",security_model=none,readonly=on -device virtio-9p-pci,fsdev=f1,mount_tag=modules
  -fsdev local,id=f2,path="$share",security_model=none -device virtio-9p-pci,fsdev=f2,mount_tag=vm
)
ended=0
timeout --kill-after 5 "$limit" qemu-system-x86_64 "${arguments[@]}" 2>"$share/qemu" || ended=$?
cat "$share/stdout" 2>/dev/null || true
cat "$share/stderr" >&2 2>/dev/null || true
if [ -n "$out" ]; then cp -r "$share/out/." "$out/"; fi
if [ -s "$share/status" ]; then exit "$(cat "$share/status")"; fi
tail -n 20 "$share/console" "$share/qemu" >&2 || true
if [ "$ended" = 124 ]; then echo "vm: stopped after $limit s" >&2; exit 124; fi
exit 125
