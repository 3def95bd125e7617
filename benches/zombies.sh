#!/usr/bin/env bash
# Prints what `sexton check zombies:` costs among 1,000 and among 20,000 processes: its time, and its system calls for each
# process. Needs (Debian): gcc, strace, util-linux; root, or user namespaces.
# Usage: benches/zombies.sh
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/lib.sh
. benches/lib.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sexton=$(shipped)
cc -O2 -static -o "$work/crowd" benches/crowd.c

# What runs as PID 1 of a namespace of its own: the crowd, then the check.
cat >"$work/measure" <<'MEASURE'
set -eu
sexton=$1 crowd=$2 count=$3 work=$4
mkfifo "$work/stdin.$count"
"$crowd" "$count" <"$work/stdin.$count" >"$work/said.$count" &
exec 9>"$work/stdin.$count"
until [ -s "$work/said.$count" ]; do sleep 0.05; done
best=
for _ in 1 2 3 4 5 6 7 8 9 10; do
    line=$("$sexton" check --timeout 10s zombies:) || true
    took=${line##*, } took=${took% ms)}
    if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
done
strace -f -qq -o "$work/trace" "$sexton" check --timeout 60s zombies: >/dev/null || true
# Only what begins with the open of a stat: the next calls on it are its reads and its close.
opens=$(grep -c '/stat", O_RDONLY' "$work/trace")
calls=$(grep -cE '^[0-9]* *(read|fstat|statx|lseek|close|open|openat)\(' "$work/trace")
printf "| %d | %d ms | %s |\n" "$count" "$best" "$(awk "BEGIN { printf \"%.1f\", $calls / $opens }")"
MEASURE

say '| processes | `sexton check zombies:`, the best of 10 | system calls a process |'
say '|---:|---:|---:|'
for count in 1000 20000; do
    unshare --pid --mount --fork --kill-child --mount-proc sh "$work/measure" "$sexton" "$work/crowd" $count "$work"
done
