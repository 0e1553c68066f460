#!/bin/bash
# A binary of netns tests under Debian's own kernel: Linux 6.1, the oldest one supported, and features that the
# development kernel lacks. What tests/skip_reasons.txt excuses elsewhere runs here, so nothing is skipped.
#
#   tests/vm/netns.sh BINARY
set -u
here=$(cd "$(dirname "$0")" && pwd)
status=0
# What the development kernel has built in: the tests are root of a user namespace only, which loads no module.
modules='br_netfilter iptable_nat ip6table_nat'
output=$(bash "$here/vm.sh" -k "$FAIRLEAD_VM_KERNEL" -t 800 -s 2048 -m "$modules" -- \
  env ASAN_OPTIONS="${ASAN_OPTIONS:-}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-}" "$1" --gtest_color=no 2>&1) || status=$?
printf '%s\n' "$output"
if [ "$status" = 0 ] && ! grep -q '^\[  PASSED  \] [1-9]' <<<"$output"; then
  echo "vm: no test ran" >&2
  status=1
fi
if grep -q '^\[  SKIPPED \]' <<<"$output"; then
  echo "vm: a test is skipped under this kernel too" >&2
  status=1
fi
exit "$status"
