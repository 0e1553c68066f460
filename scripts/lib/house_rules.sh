#!/bin/bash
# Rules of CONTRIBUTING.md that grep can hold us to. A rule is a pattern, the files it looks at, the files
# that are exempt, and what to tell the author.
set -u
cd "$(dirname "$0")/../.." || exit 2
bad=0

product='^(libnet|ipam|firewall|engine|plugins|cli|store|dns|overlay)/.*\.(cpp|hpp|c|h)$'
sources='^(libnet|ipam|firewall|engine|plugins|cli|store|dns|overlay|tests|bench)/.*\.(cpp|hpp|c|h)$'

# rule FILES EXEMPT PATTERN MESSAGE
rule() {
  local hits
  hits=$(printf '%s\n' "$tracked" | grep -E "$1" | grep -vE "$2" | xargs -r grep -nE -- "$3" /dev/null)
  if [ -n "$hits" ]; then
    printf 'error: %s\n' "$4"
    printf '%s\n' "$hits" | head -n 15 | sed 's/^/    /'
    bad=1
  fi
}

tracked=$(git -c safe.directory="$PWD" ls-files)
[ -n "$tracked" ] || { echo "error: git lists no file of this tree, so no rule was looked at"; exit 2; }
none='^$'
rule "$product" '^libnet/' '#include <(linux|libmnl|libnftnl|netlink)/' \
  'kernel headers, libmnl and libnftnl belong to libnet alone'
rule "$sources" '(_json\.(cpp|hpp)$|^tests/|^bench/|^cli/)' '#include [<"]nlohmann/' \
  'nlohmann/json only in *_json.cpp and *_json.hpp: it costs more to compile than everything else'
rule "$product" '^cli/' '#include <(iostream|regex)>' 'no iostream and no regex in what a plugin links'
rule "$sources" '^bench/' '\b(sleep_for|sleep_until|usleep|nanosleep)\b|[^_[:alnum:]]sleep\(' \
  'no sleeping and no polling by time: wait for the event'
rule '^(scripts|tests)/.*\.sh$' "$none" '(^|[;&|({]|\bdo|\bthen) *sleep |\bread -[a-z]*t [0-9.]+ *<>' \
  'no sleeping and no polling by time: wait for the event'
rule "$product" '^(plugins/cni/exec_delegate\.cpp|libnet/src/sys/async_delete\.cpp)$' \
  '\b(fork|vfork|clone3?|posix_spawnp?|f?execv[pe]*|execveat|execl[pe]*|popen)\(|[^_[:alnum:]:.>]system\(' \
  'processes are started only by plugins/cni/exec_delegate.cpp and libnet/src/sys/async_delete.cpp'
rule "$sources" "$none" '\b(TODO|FIXME|XXX)\b' 'unfinished work is an issue, not a comment'
rule "$product" "$none" '^#ifndef [A-Z_]+_(H|HPP)_?$' 'headers are guarded by #pragma once'

long=$(printf '%s\n' "$tracked" | grep -E "$sources" | xargs -r wc -l | awk '$2 != "total" && $1 > 500')
if [ -n "$long" ]; then
  printf 'error: longer than 500 lines, split by what it does:\n%s\n' "$long"
  bad=1
fi

# A code of the log that the page does not explain, or that nothing says any more.
codes=$(comm -3 <(printf '%s\n' "$tracked" | grep -E "$product" | grep -v '\.hpp$' | xargs grep -ohE '"FL[0-9]{4}"' | tr -d '"' | sort -u) \
  <(grep -oE '^\| FL[0-9]{4}' docs/errors.md | tr -d '| ' | sort -u))
if [ -n "$codes" ]; then
  printf 'error: docs/errors.md and the sources do not have the same codes:\n%s\n' "$codes"
  bad=1
fi
exit $bad
