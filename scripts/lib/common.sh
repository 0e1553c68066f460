# Shared by the scripts of this folder: where the tree is, steps with a log each, output for people and for logs.
# shellcheck shell=bash

FAIRLEAD_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
FAIRLEAD_LOGS=$FAIRLEAD_ROOT/build/logs
FAIRLEAD_JOBS=${FAIRLEAD_JOBS:-$(nproc)}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  c_bold=$'\e[1m' c_dim=$'\e[2m' c_red=$'\e[31m' c_green=$'\e[32m' c_off=$'\e[0m'
else
  c_bold='' c_dim='' c_red='' c_green='' c_off=''
fi
# shellcheck disable=SC2034  # for the scripts that source this file
readonly FAIRLEAD_ROOT FAIRLEAD_LOGS c_bold c_dim c_red c_green c_off

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 2
}

# git in this tree; under sudo the tree belongs to somebody else, which git refuses unless told.
tree_git() {
  git -c safe.directory="$FAIRLEAD_ROOT" -C "$FAIRLEAD_ROOT" "$@"
}

# step NAME COMMAND...: runs the command with its output in build/logs/NAME.log and prints one line; the
# end of the log follows when it fails. Names of failed steps gather in failed_steps.
failed_steps=()
step() {
  local name=$1 log start=$SECONDS
  shift
  log=$FAIRLEAD_LOGS/${name//[ \/]/-}.log
  mkdir -p "$FAIRLEAD_LOGS"
  printf '%-28s ' "$name"
  if "$@" >"$log" 2>&1 </dev/null; then
    printf '%sok%s %5d s\n' "$c_green" "$c_off" $((SECONDS - start))
    return 0
  fi
  printf '%sFAILED%s after %d s, %s:\n' "$c_red" "$c_off" $((SECONDS - start)) "${log#"$FAIRLEAD_ROOT"/}"
  # A failed build says "FAILED:" or "error:" somewhere above what other jobs printed after it.
  grep -E '(^FAILED:|error:|Error )' "$log" | awk '!seen[$0]++' | head -n 12 | cut -c 1-240 | sed 's/^/    /'
  tail -n 20 "$log" | cut -c 1-240 | sed 's/^/  | /'
  failed_steps+=("$name")
  return 1
}

# configure_and_build PRESET [--target NAME] [CMAKE-ARGUMENT...]
configure_and_build() {
  local preset=$1 launcher=() target=(all)
  shift
  if [ "${1:-}" = --target ]; then
    target=("$2")
    shift 2
  fi
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  cd "$FAIRLEAD_ROOT" || return 1
  cmake --preset "$preset" "${launcher[@]}" "$@" || return 1
  cmake --build --preset "$preset" --parallel "$FAIRLEAD_JOBS" --target "${target[@]}"
}
