#!/bin/bash
# rootless.sh RUNNER PLUGINS: the suite as an ordinary user runs it: nobody, without any capability, as root of
# a user namespace of his own. Both are bound where he may read them, whatever the way to the tree allows.
set -eu
if [ "${ROOTLESS_INSIDE:-}" != 1 ]; then
  ROOTLESS_INSIDE=1 exec unshare --mount --propagation private bash "$0" "$@"
fi
place=/mnt
mount -t tmpfs -o mode=0755 tmpfs "$place"
mkdir "$place/cni"
touch "$place/runner"
mount --bind "$1" "$place/runner"
mount --bind "$2" "$place/cni"
cd /
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)
if "${nobody[@]}" unshare --net true 2>/dev/null; then
  echo "nobody is still privileged here: this would test nothing"
  exit 1
fi
exec "${nobody[@]}" "$place/runner" "$place/cni" --complete --no-skip
