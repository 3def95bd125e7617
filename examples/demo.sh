#!/bin/sh
# The main job on this machine: a server that hangs, under sexton as init, checked by sexton.
#
#   sh examples/demo.sh
#
# SEXTON and SERVER name programs that are built already.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${SEXTON-}" ] || [ -z "${SERVER-}" ]; then
    echo "building sexton and a small server ..."
    cargo build --quiet --release --bin sexton --example server
    release=${CARGO_TARGET_DIR:-target}/$(rustc --print host-tuple)/release
    SEXTON=$release/sexton
    SERVER=$release/examples/server
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT

show() {
    echo
    echo "\$ $*"
}

# What the init has to look after: one line a process, zombies (state Z) included.
children() {
    for stat in /proc/[0-9]*/stat; do
        sed -n "s/^\([0-9]*\) (\(.*\)) \([A-Z]\) $init .*/    \2, PID \1, state \3/p" "$stat" 2>/dev/null || true
    done
}

show "sexton init -- server"
"$SEXTON" init -- "$SERVER" 127.0.0.1:0 >"$log" &
init=$!
trap 'rm -f "$log"; kill "$init" 2>/dev/null || true' EXIT
until grep -q listening "$log"; do
    kill -0 "$init"
    sleep 0.05
done
address=$(sed -n 's/listening on //p' "$log")

show "sexton check http://$address/health"
"$SEXTON" check "http://$address/health"

show "sexton check http://$address/orphan     # makes the server leave a process behind"
"$SEXTON" check "http://$address/orphan"
left=1
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    left=$(children | wc -l)
    [ "$left" -gt 1 ] || break
    sleep 0.1
done
echo "children of the init, when that process has ended:"
children

show "sexton check http://$address/hang       # from now on it accepts and never answers"
"$SEXTON" check "http://$address/hang"

show "sexton check --timeout 1s http://$address/health"
code=0
"$SEXTON" check --timeout 1s "http://$address/health" || code=$?
echo "exit code $code: unhealthy, with the reason, and no process is left that could become a zombie"

show "kill -TERM (what docker stop does)"
kill -TERM "$init"
ended=0
wait "$init" || ended=$?
echo "the init has forwarded it and ends with the server's code: $ended"

# What this has shown, for whoever runs it unattended.
[ "$left" -eq 1 ] && [ "$code" -eq 1 ] && [ "$ended" -eq 143 ]
