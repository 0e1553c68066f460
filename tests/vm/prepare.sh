#!/bin/bash
# When scripts/lib/vm_kernel.sh keeps the kernel that it prepared once: every run after the first has to work
# without package lists and without the archive. apt is a stand-in here; nothing is downloaded.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
mkdir "$W/bin"
export PATH=$W/bin:$PATH W

# apt-cache knows of the kernel in $W/listed, if any. The archive cannot be reached.
cat >"$W/bin/apt-cache" <<'STUB'
#!/bin/sh
[ ! -s "$W/listed" ] || printf 'linux-image-amd64\n  Depends: linux-image-%s\n' "$(cat "$W/listed")"
STUB
cat >"$W/bin/apt-get" <<'STUB'
#!/bin/sh
echo "$1" >>"$W/apt-get.calls"
exit 100
STUB
chmod 755 "$W/bin/apt-cache" "$W/bin/apt-get"

failed=0
# expect NAME LISTED PREPARED STATUS CALLS: with a directory of the version PREPARED ('' = an empty one) the
# script ends with STATUS, calls apt-get with the words CALLS, and leaves the directory as it was.
expect() {
  local status=0
  rm -rf "$W/kernel" "$W/before" "$W/apt-get.calls"
  mkdir "$W/kernel"
  : >"$W/apt-get.calls"
  echo "$2" | tr -d '\n' >"$W/listed"
  if [ -n "$3" ]; then
    echo "$3" >"$W/kernel/version"
    touch "$W/kernel/vmlinux" "$W/kernel/initrd.gz"
  fi
  cp -a "$W/kernel" "$W/before"
  bash "$root/scripts/lib/vm_kernel.sh" "$W/kernel" >"$W/output" 2>&1 || status=$?
  if [ "$status" = "$4" ] && [ "$(paste -sd ' ' "$W/apt-get.calls")" = "$5" ] && diff -r "$W/before" "$W/kernel"; then
    echo "ok   $1"
  else
    echo "FAIL $1: status $status, apt-get called with: $(paste -sd ' ' "$W/apt-get.calls")"
    sed 's/^/  | /' "$W/output"
    failed=1
  fi
}

recipe=$(cksum <"$root/scripts/lib/vm_init.sh" | tr ' ' -)
expect "the current one is kept" 6.1.0-9-amd64 "6.1.0-9-amd64-$recipe" 0 ""
expect "without package lists what is there is kept" "" "6.1.0-9-amd64-$recipe" 0 ""
expect "without the archive an older one is kept" 6.1.0-10-amd64 "6.1.0-9-amd64-$recipe" 0 "download update"
expect "one with another init is not kept" 6.1.0-10-amd64 "6.1.0-9-amd64-1-2" 1 "download update"
expect "one with another init is not kept without package lists either" "" "6.1.0-9-amd64-1-2" 100 "update"
expect "an empty directory needs the archive" 6.1.0-9-amd64 "" 1 "download update"
exit "$failed"
