#!/bin/bash
# Installs what is needed, builds, and runs the tests: what CI runs, and what to run before a submission.
#
#   sudo ./scripts/test.sh           the gate: at most 25 minutes on two cores, packages included
#   sudo ./scripts/test.sh --full    also what takes longer, some 40 minutes in all: clang-tidy over every
#                                    file, the label "full" (every crash point, Debian's own kernel), the
#                                    search of the fuzz targets for new inputs, and the attach benchmark
#
# Works from any directory, without a terminal and without standard input. The tests run in a network and
# a mount namespace of their own; the machine's network is not touched. Logs: build/logs.
set -u
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/packages.sh
. "$FAIRLEAD_ROOT/scripts/lib/packages.sh"

full=0
case ${1:-} in
  '') ;;
  --full) full=1 ;;
  *) die "unknown argument '$1' (only --full)" ;;
esac
[ "$(id -u)" = 0 ] || die "needs root: it installs packages, and the tests make network namespaces"
case $FAIRLEAD_ROOT/ in
  /run/* | /var/run/*) die "the tests mount file systems of their own over /run, which would hide this tree: move it" ;;
esac
cd "$FAIRLEAD_ROOT" || exit 2
umask 022
mkdir -p "$FAIRLEAD_LOGS"
printf '%sFairlead tests%s, %s jobs, logs in %s\n' "$c_bold" "$c_off" "$FAIRLEAD_JOBS" "${FAIRLEAD_LOGS#"$FAIRLEAD_ROOT"/}"

step packages install_packages build test lint e2e bench || exit 1
if [ "$full" = 1 ]; then
  export FAIRLEAD_TIDY_ALL=1
  step "packages of the vm" install_packages vm
  step "vm kernel" bash scripts/lib/vm_kernel.sh build/vm
fi

lint() {
  scripts/lint.sh "$@" || failed_steps+=("lint $*")
}
lint format rules shell

# The tests are built once, with the sanitizers; the release build gives the executables that runtimes
# are tested with, and the benchmarks, which are only compiled here.
step "build release" configure_and_build release
built=0
step "build asan" configure_and_build asan -DFAIRLEAD_E2E_BUILD="$FAIRLEAD_ROOT/build/release" && built=1
if [ "$full" = 1 ]; then
  step "build fuzz" configure_and_build fuzz --target fuzz_targets
fi
lint syntax tidy

if [ "$built" = 0 ]; then
  printf '%snothing was tested: the build failed%s\n' "$c_red" "$c_off"
  exit 1
fi

export FAIRLEAD_TEST_FULL=$full
bash scripts/lib/run_ctest.sh build/asan
status=$?
if [ "$full" = 1 ]; then
  bash scripts/lib/run_ctest.sh build/fuzz -R '^fuzz\.search\.' || status=1
  # Alone on the machine, as far as that is up to us. What it measured is for the reader to judge: a missed
  # aim may be a neighbour's doing.
  step "bench attach" build/release/bench/bench_attach --attached 200 --rounds 20 && cat "$FAIRLEAD_LOGS/bench-attach.log"
fi
if [ ${#failed_steps[@]} != 0 ]; then
  printf '%sfailed besides the tests above:%s %s\n' "$c_red" "$c_off" "$(IFS=,; echo "${failed_steps[*]}")"
  status=1
fi
exit "$status"
