#!/bin/bash
# Our host-local and the reference's on one network: each releases what the other reserved, and both may
# reserve at the same time.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
isolate "$@"
need jq

P=$W/cni
plugin_directory "$P" host-local
[ -x "$W/reference/host-local" ] || skip "containernetworking-plugins is not installed"
ln -s "$W/reference/host-local" "$P/reference"
D=/var/lib/cni/networks/shared
config='{"cniVersion": "1.0.0", "name": "shared", "type": "bridge",
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.97.0.0/23"}], [{"subnet": "fd00:97::/64"}]]}}'

call() { cni "$1" "$2" "$3" "/run/netns/$3" eth0 <<<"$config"; } # VERB PLUGIN CONTAINER
leases() { find "$D" -type f ! -name lock ! -name 'last_reserved_ip.*' -printf '%f\n' | sort; }
addresses_of() { jq -r '.ips[].address' "$@" | sort; }
show_more() { leases; head -n 3 "$W"/answer.*; }

call ADD host-local one >"$W/answer.one"
call ADD reference two >"$W/answer.two"
equal "the reference goes on where ours stopped" $'10.97.0.3/23\nfd00:97::3/64' "$(addresses_of "$W/answer.two")"
call ADD host-local three >"$W/answer.three"
equal "ours goes on where the reference stopped" $'10.97.0.4/23\nfd00:97::4/64' "$(addresses_of "$W/answer.three")"
check "the reference releases ours" call DEL reference one
check "ours releases the reference's" call DEL host-local two
equal "and nothing else is gone" $'10.97.0.4\nfd00:97::4' "$(leases)"
check "ours says nothing of what the reference released" call DEL host-local one
equal "the index has no entry too many" 1 "$(find /run/fairlead/leases -type l | wc -l)"
check "a lease that the reference took away is no obstacle" call DEL reference three
must "ours reserves for that container again" call ADD host-local three
must "and releases" call DEL host-local three

# ours and reference take turns, all at once, and every third releases its own again.
jobs=()
for i in $(seq 60); do
  plugin=host-local other=reference
  if ((i % 2)); then plugin=reference other=host-local; fi
  {
    call ADD "$plugin" "c$i" >"$W/answer.c$i" || echo "ADD c$i by $plugin" >>"$W/failed"
    if ((i % 3 == 0)); then call DEL "$other" "c$i" || echo "DEL c$i by $other" >>"$W/failed"; fi
  } &
  jobs+=($!)
done
wait "${jobs[@]}"
equal "no call fails" '' "$(cat "$W/failed" 2>/dev/null)"
kept=()
for i in $(seq 60); do ((i % 3 == 0)) || kept+=("$W/answer.c$i"); done
equal "every attachment has addresses of its own" 80 "$(addresses_of "${kept[@]}" | uniq | wc -l)"
equal "the leases are those of the results" "$(addresses_of "${kept[@]}" | sed 's,/.*,,' | sort)" "$(leases)"
for i in $(seq 60); do call DEL host-local "c$i" || echo "DEL c$i" >>"$W/failed"; done
equal "no DEL fails, repeated or not" '' "$(cat "$W/failed" 2>/dev/null)"
equal "no lease is left" '' "$(leases)"
equal "no index entry is left" 0 "$(find /run/fairlead/leases -type l | wc -l)"
finish
