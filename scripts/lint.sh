#!/bin/bash
# Everything that judges the sources without running them. Each check is callable alone:
#
#   scripts/lint.sh [format] [rules] [shell] [syntax] [tidy]     default: all
#
# format: clang-format over every file. rules: scripts/lib/house_rules.sh. shell: shellcheck.
# syntax: clang's front end over every product source with the dev warnings (needs a configured build).
# tidy: clang-tidy over the product sources changed last (uncommitted, then by the last sixty commits, or
# since the commit FAIRLEAD_TIDY_BASE), at most FAIRLEAD_TIDY_MAX (32); FAIRLEAD_TIDY_ALL=1: every one.
set -u
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/packages.sh
. "$FAIRLEAD_ROOT/scripts/lib/packages.sh"
cd "$FAIRLEAD_ROOT" || exit 2

check_format() {
  local files
  mapfile -d '' files < <(tree_git ls-files -z '*.cpp' '*.hpp' '*.c' '*.h')
  [ ${#files[@]} != 0 ] || { echo "git lists no source file of this tree"; return 1; }
  printf '%s\0' "${files[@]}" | xargs -0 -n 20 -P "$FAIRLEAD_JOBS" clang-format --dry-run --Werror
}

check_rules() { bash scripts/lib/house_rules.sh; }

check_shell() {
  { tree_git ls-files -z '*.sh' && printf '.ci/run\0'; } | xargs -0 shellcheck --external-sources --severity=warning
}

# The directory of the newest configured build that has a compilation database.
compile_database() {
  local preset
  for preset in asan dev release; do
    if [ -f "build/$preset/compile_commands.json" ]; then
      echo "build/$preset"
      return 0
    fi
  done
  cmake --preset dev >/dev/null && echo build/dev
}

# Front end only, so it costs about a fifth of a build; it keeps the tree honest for clang users.
check_syntax() {
  local database
  database=$(compile_database) || return 1
  jq -r --arg root "$FAIRLEAD_ROOT/" '.[]
      | select(.file | ltrimstr($root) | test("^(libnet|ipam|firewall|engine|plugins|cli|store|dns|overlay)/"))
      | "\(.directory)\t\(.command | sub("^(\\S*ccache )?\\S+ "; ""))"' "$database/compile_commands.json" |
    sort -u -t "$(printf '\t')" -k 2 |
    while IFS=$'\t' read -r directory arguments; do
      printf 'cd %q && clang++ -Qunused-arguments -Wno-unknown-warning-option -Wno-gnu-zero-variadic-macro-arguments %s -fsyntax-only -o /dev/null\0' \
        "$directory" "$arguments"
    done | xargs -0 -r -n 1 -P "$FAIRLEAD_JOBS" bash -c
}

# Product sources only: the checks are tuned for them, and gtest's macros trip many. What was changed last
# comes first, so that the bound drops the oldest.
changed_files() {
  tree_git ls-files --others --exclude-standard
  tree_git diff --name-only --diff-filter=d HEAD
  if [ -n "${FAIRLEAD_TIDY_BASE:-}" ]; then
    tree_git diff --name-only --diff-filter=d "$FAIRLEAD_TIDY_BASE" HEAD
  else
    tree_git log --no-merges --max-count=60 --name-only --diff-filter=d --format=
  fi
}

only_existing() {
  while read -r file; do
    if [ -f "$file" ]; then echo "$file"; fi
  done
}

tidy_files() {
  local product='^(libnet|ipam|firewall|engine|plugins|cli|store|dns|overlay)/.*\.cpp$'
  if [ "${FAIRLEAD_TIDY_ALL:-0}" = 1 ]; then
    tree_git ls-files | grep -E "$product"
  else
    changed_files | grep -E "$product" | awk '!seen[$0]++' | only_existing |
      head -n "${FAIRLEAD_TIDY_MAX:-32}"
  fi
}

check_tidy() {
  local database files
  database=$(compile_database) || return 1
  files=$(tidy_files)
  if [ -z "$files" ]; then
    echo "no product source changed"
    return 0
  fi
  # shellcheck disable=SC2086  # file names of this tree hold no spaces
  printf '%s\n' $files | xargs -r -n 1 -P "$FAIRLEAD_JOBS" \
    clang-tidy -p "$database" --quiet --extra-arg=-Wno-unknown-warning-option 2>&1 | grep -v ' warnings\? generated\.$'
  return "${PIPESTATUS[1]}"
}

install_packages lint || exit 1
if [ $# = 0 ]; then set -- format rules shell syntax tidy; fi
for check in "$@"; do
  declare -F "check_$check" >/dev/null || die "no check called '$check'"
  step "lint $check" "check_$check"
done
[ ${#failed_steps[@]} = 0 ]
