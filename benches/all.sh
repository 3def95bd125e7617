#!/usr/bin/env bash
# Prints docs/benchmarks.md, all of its tables from this one run: about 20 minutes on an idle machine of two cores.
#
#   benches/all.sh >docs/benchmarks.md
#   benches/all.sh --short     a trial of a few minutes; its figures mean nothing
#
# Needs what the scripts that it calls need, and installs nothing but what release/build does. SEXTON=PATH and
# SEXTON_GNU=PATH measure other builds; SEXTON_BENCH_CONTAINERS and SEXTON_BENCH_SECONDS say how many containers are
# checked for how long.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/lib.sh
. benches/lib.sh

checks=1000 containers=${SEXTON_BENCH_CONTAINERS:-50} seconds=${SEXTON_BENCH_SECONDS:-60}
if [ "${1:-}" = --short ]; then
    checks=100 containers=4 seconds=10
    export SEXTON_BENCH_RUNS=20 SEXTON_BENCH_IDLE=3
fi
SEXTON=$(shipped)
export SEXTON
bytes=$(stat -c %s "$SEXTON" | sed -E ':again; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; t again')

# A part that fails is told here and on stderr, and the page goes on; then it is not one to keep.
failed=0
part() { "$@" || { failed=1; say; say "$* failed."; say "$* failed" >&2; }; }

cat <<PAGE
# What it costs

This page is the output of \`benches/all.sh\`: all tables are from one run on one machine.

Measured on: $(machine); $("$SEXTON" --version | head -n 1), $bytes bytes (musl).

## One check

Wall time and CPU time are medians of ${SEXTON_BENCH_RUNS:-400} runs. The floor is a C program that does the same system calls with a fixed request. Most
of a check's resident memory is the program itself, mapped from the page cache and shared by all containers on the machine.
PAGE
part benches/compare.sh get tls
cat <<'PAGE'

## An init
PAGE
part benches/compare.sh init
cat <<'PAGE'

"dirty" is the memory that is the init's own; what is private and clean is the program, and can be dropped at any time.

## Watching from PID 1

`sexton init --watch` checks without starting a process. CPU time of PID 1 for one check, all of its threads included:

PAGE
part benches/watched.sh "$checks"
cat <<PAGE

## Many containers on one engine

$containers containers for $seconds s, each checked every 5 s. "CPU of the machine" is everything: the engine, the shims, runc, the check, the
app and the kernel. What one check costs is that, less the row without checks, divided by the checks:

PAGE
part benches/containers.sh "$containers" "$seconds"
cat <<'PAGE'

## A check of a service

One healthy check on loopback, the median of 100, by the musl binary, beside the tool that people run today. MongoDB, Kafka and
Cassandra are servers of the tests that the real clients accept; the others are the real servers.

PAGE
part benches/services.sh
cat <<'PAGE'

## Many processes

PAGE
part benches/zombies.sh
exit $failed
