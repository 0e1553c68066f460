#!/bin/bash
# What every CNI executable of the build must be: marked with the build id, free of the libraries that make
# a start slow, made from a main that only names its plugin.
# usage: executables.sh BUILD_ID_FILE SOURCE_DIR EXECUTABLE...
set -u
build_id=$(tr -d ',\n' <"$1" | sed 's/0x//g')
source_dir=$2
shift 2
bad=0
complain() {
  echo "error: $*"
  bad=1
}

[ "${#build_id}" -eq 64 ] || complain "the build id is '$build_id'"
[ $# -gt 0 ] || complain "no executables given"
for file in "$@"; do
  note=$(readelf --notes --wide "$file" | sed -n '/^ *Fairlead /,/^$/p' | tr -d '\n' | sed 's/.*description data: //; s/ //g')
  [ "$note" = "$build_id" ] || complain "$file: its note says '$note', the build id is $build_id"
  # libstdc++ is linked in: as a shared library it takes half a millisecond to load.
  unwanted=$(readelf --dynamic --wide "$file" | grep NEEDED | grep -E 'sqlite|curl|cares|stdc\+\+|gcc_s|spdlog|fmt|nl-')
  if [ -n "${FAIRLEAD_SANITIZED:-}" ]; then unwanted=$(grep -vE 'stdc\+\+|gcc_s' <<<"$unwanted"); fi
  [ -z "$unwanted" ] || complain "$file must not load $unwanted"
done

for main in "$source_dir"/plugins/cni/*/main.cpp; do
  lines=$(wc -l <"$main")
  [ "$lines" -lt 40 ] || complain "$main has $lines lines: a main names its plugin and nothing else"
done
exit $bad
