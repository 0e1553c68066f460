#!/bin/bash
# The one list of Debian packages, by purpose, and their installation.
#
#   scripts/lib/packages.sh PURPOSE...         installs what is missing (as root)
#   scripts/lib/packages.sh --list PURPOSE...  prints the names
#
# Sourced, it offers packages_of and install_packages. Needs nothing but apt and dpkg, so that it can be
# the first thing to run on a bare Debian 12.

packages_of() {
  local purpose names=()
  for purpose in "$@"; do
    case $purpose in
      build)
        names+=(g++ cmake ninja-build pkgconf libmnl-dev libnftnl-dev libnl-3-dev libnl-route-3-dev
          nlohmann-json3-dev libspdlog-dev libcli11-dev libmd-dev)
        ;;
      test) # lld links the sanitised test binaries in a third of the time; iptables must be able to list our rules
        names+=(libgtest-dev libgmock-dev lld iproute2 nftables iptables util-linux procps)
        ;;
      lint) names+=(git clang clang-tidy clang-format shellcheck jq) ;;
      e2e) # iptables: Debian's portmap and firewall plugins, which complete the chains, call it
        names+=(podman containerd runc conmon busybox-static containernetworking-plugins
          iptables iproute2 nftables iputils-ping util-linux procps strace binutils jq curl)
        ;;
      vm) names+=(qemu-system-x86 busybox-static kmod cpio xz-utils) ;;
      demo) names+=(iproute2 nftables iputils-ping util-linux procps) ;;
      bench) names+=(containernetworking-plugins iptables iproute2 util-linux) ;;
      *)
        echo "packages: unknown purpose '$purpose' (build, test, lint, e2e, vm, demo, bench)" >&2
        return 2
        ;;
    esac
  done
  printf '%s\n' "${names[@]}" | sort -u
}

missing_packages() {
  local name state
  for name in "$@"; do
    state=$(dpkg-query -W -f '${db:Status-Status} ' "$name" 2>/dev/null || true)
    case $state in *"installed "*) ;; *) echo "$name" ;; esac
  done
}

# Installing podman or containerd must not start a service on the machine: while apt runs, and only if
# the administrator has no policy of his own, one that refuses every start is in place.
install_without_services() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@" </dev/null
)

install_packages() {
  local list wanted missing
  list=$(packages_of "$@") || return
  mapfile -t wanted <<<"$list"
  list=$(missing_packages "${wanted[@]}") || return
  if [ -z "$list" ]; then return 0; fi
  mapfile -t missing <<<"$list"
  if [ "$(id -u)" != 0 ]; then
    echo "packages: these are missing, and installing them needs root: ${missing[*]}" >&2
    return 1
  fi
  # The lists may be absent or older than the archive; both show as a failed install, and only then is
  # an update worth its time.
  install_without_services "${missing[@]}" && return 0
  apt-get update -q </dev/null && install_without_services "${missing[@]}"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -eu
  if [ "${1:-}" = --list ]; then
    shift
    packages_of "$@"
  else
    install_packages "$@"
  fi
fi
