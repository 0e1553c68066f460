#!/bin/bash
# Puts what the demo prints on this machine into README.md, between its two marks. The release build has to
# be there (scripts/demo.sh makes it).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "$0")/lib/common.sh"
cd "$FAIRLEAD_ROOT"
picture=$(FAIRLEAD_DEMO_INSIDE=1 unshare --net --mount --propagation private bash scripts/demo.sh 2>&1 </dev/null)
picture=$picture awk '
  /^<!-- demo: / { print; print "```"; text = ENVIRON["picture"]; sub(/^\n+/, "", text); print text; print "```"; inside = 1 }
  /^<!-- \/demo -->/ { inside = 0 }
  !inside { print }' README.md >README.md.new
mv README.md.new README.md
