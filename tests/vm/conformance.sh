#!/bin/bash
# The conformance suite under Debian's own kernel: what has to do with the kernel, once, in the newest
# specification version.
#
#   tests/vm/conformance.sh RUNNER PLUGINS
set -eu
here=$(cd "$(dirname "$0")" && pwd)
runner=$1 plugins=$2
cases=$({ seq -f P%g 15; seq -f B%g 22; echo L1 H10 H11 | tr ' ' '\n'; } | paste -sd,)

exec bash "$here/vm.sh" -k "$FAIRLEAD_VM_KERNEL" -t 800 -s 2048 -m 'br_netfilter' -- \
  unshare --net --mount --propagation private sh -c '
    mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib/cni && exec "$@"' sh \
  "$runner" "$plugins" --only "$cases" --complete --no-skip
