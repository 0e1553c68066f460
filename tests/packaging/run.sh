#!/bin/bash
# The installed tree is complete: every header compiles alone, a consumer builds through find_package and
# through pkg-config, nothing refers back to the source or build directory, the plugins answer VERSION.
#
#   tests/packaging/run.sh BUILD-DIR
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step() { echo "ok    $*"; }

DESTDIR='' cmake --install "$build" --prefix "$work/first" >"$work/install.log"
mv "$work/first" "$work/prefix" # relocatable
prefix=$work/prefix
step "installed $(wc -l <"$work/install.log") files"

for header in "$prefix"/include/fairlead/*.hpp; do
  printf '#include <fairlead/%s>\n' "$(basename "$header")" >"$work/alone.cpp"
  g++ -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I "$prefix/include" "$work/alone.cpp"
done
step "every installed header compiles alone"

cmake -G Ninja -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.log" 2>&1 || { cat "$work/cmake.log"; exit 1; }
cmake --build "$work/build" >>"$work/cmake.log" 2>&1 || { cat "$work/cmake.log"; exit 1; }
"$work/build/consumer"
step "a consumer builds through find_package and runs"

pc=$(dirname "$(find "$prefix" -name fairlead-net.pc)")
# shellcheck disable=SC2046  # flags are words
g++ -std=c++20 "$here/consumer.cpp" -o "$work/by-pkg-config" $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs fairlead-net)
"$work/by-pkg-config"
step "a consumer builds through pkg-config and runs"

if grep -rIlF -e "$root" "$prefix/lib" "$prefix/include"; then
  echo "these installed files name the source tree"
  exit 1
fi
step "no installed file names the source tree"

plugins=$(find "$prefix" -path '*/fairlead/cni/*' -type f)
if [ -z "$plugins" ]; then echo "no plugin is installed"; exit 1; fi
for plugin in $plugins; do
  CNI_COMMAND=VERSION "$plugin" </dev/null | grep -q '"1.1.0"' || { echo "$plugin: VERSION"; exit 1; }
done
step "installed plugins answer: $(for plugin in $plugins; do basename "$plugin"; done | sort | tr '\n' ' ')"
