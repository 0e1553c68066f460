#!/bin/bash
# Runs ctest of one build directory in namespaces of its own and judges the outcome:
#
#   scripts/lib/run_ctest.sh BUILD-DIR [CTEST-ARGUMENT...]
#
# Fails when a test fails, when a unit test needs privilege, when one is skipped for a reason that tests/skip_reasons.txt does not list, and
# when the tests leave something in the network namespace, in /run or in /var/lib/cni around them.
set -u
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

if [ "${FAIRLEAD_INSIDE:-}" != 1 ]; then
  # Links, addresses, rules and sysctls of the machine are out of reach from here on.
  mkdir -p /var/lib/cni
  FAIRLEAD_INSIDE=1 exec unshare --net --mount --propagation private bash "$0" "$@"
fi

build=$(cd "$1" && pwd) || exit 2
shift
selection=("$@")
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/lib/cni
ip link set lo up

surroundings() {
  echo "# links"; ip -o link show | sed 's/^[0-9]*: //'
  echo "# addresses"; ip -o address show | awk '{ print $2, $3, $4 }'
  echo "# routes"; ip -4 route show table all; ip -6 route show table all
  echo "# nft"; nft list ruleset
  echo "# sysctls"; grep -H . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
  echo "# /run and /var/lib/cni"; find /run /var/lib/cni -mindepth 1 | sort
}

# Reads ctest's output: one line per 250 passed tests instead of two per test, everything else as it is.
only_what_matters() {
  awk '
    /^ +Start +[0-9]+:/ { next }
    /^ *[0-9]+\/[0-9]+ Test +#[0-9]+:.* Passed / { if (++passed % 250 == 0) print "  " passed " passed so far"; fflush(); next }
    { print; fflush() }'
}

# Names of the skipped tests whose output holds no listed reason.
unlisted_skips() {
  awk -v reasons="$FAIRLEAD_ROOT/tests/skip_reasons.txt" '
    BEGIN {
      while ((getline line < reasons) > 0)
        if (line !~ /^#/ && line != "") listed[line] = 1
    }
    /<testcase / { name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name); skipped = 0; known = 0 }
    /<skipped/ { skipped = 1 }
    skipped { for (reason in listed) if (index($0, reason)) known = 1 }
    /<\/testcase>/ { if (skipped && !known) print name }' "$1"
}

# The label unit once more as somebody without privilege: the owner of the tree, who can read it wherever it
# is, and without a capability, should that be root. (The binaries themselves: as that user ctest could not
# write its log.)
unit_without_privilege() {
  local binary owner binaries status=0
  owner=$(stat -c %u "$FAIRLEAD_ROOT")
  mapfile -t binaries < <(find "$build/tests" -name 'unit_*' -type f -perm -u+x | sort)
  [ ${#binaries[@]} != 0 ] || { echo "no unit test in $build"; return 1; }
  for binary in "${binaries[@]}"; do
    setpriv --reuid="$owner" --regid="$(stat -c %g "$FAIRLEAD_ROOT")" --clear-groups --bounding-set=-all --inh-caps=-all \
      "$binary" --gtest_brief=1 || status=1
  done
  return $status
}

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
# Settings of the machine or of the caller's shell are not what is tested.
unset FAIRLEAD_CONF FAIRLEAD_RUN_DIR FAIRLEAD_LOG_FILE FAIRLEAD_LOG_LEVEL CNI_PATH CNI_COMMAND

junit=$build/ctest.xml
rm -f "$junit"
only=(-LE full)
if [ "${FAIRLEAD_TEST_FULL:-0}" = 1 ]; then only=(); fi
# Before ctest, whose summary is the end of the output.
unprivileged=0
if [ "${#selection[@]}" = 0 ]; then
  step "unit without privilege" unit_without_privilege || unprivileged=1
fi
surroundings >"$build/surroundings.before"
# Many tests wait for the kernel's grace periods, not for a core.
ctest --test-dir "$build" --output-on-failure --no-tests=error --output-junit "$junit" \
  --parallel $((FAIRLEAD_JOBS + 2)) "${only[@]}" "${selection[@]}" </dev/null 2>&1 |
  tee "$FAIRLEAD_LOGS/ctest-$(basename "$build").log" | only_what_matters
status=${PIPESTATUS[0]}
if [ "$unprivileged" = 1 ]; then status=1; fi
surroundings >"$build/surroundings.after"

if ! diff -u "$build/surroundings.before" "$build/surroundings.after" >"$build/surroundings.diff"; then
  printf '%sa test left its namespaces; in those around it changed:%s\n' "$c_red" "$c_off"
  sed -n '3,40p' "$build/surroundings.diff" | sed 's/^/  | /'
  status=1
fi
skips=$(unlisted_skips "$junit")
if [ -n "$skips" ]; then
  printf '%sskipped for a reason that tests/skip_reasons.txt does not list:%s\n%s\n' "$c_red" "$c_off" "$skips"
  status=1
fi
exit "$status"
