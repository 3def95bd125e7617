#!/usr/bin/env bash
# Prints what the checks of many containers cost a machine in CPU time: curl in a HEALTHCHECK, sexton in one, and sexton as
# the container's init with `--watch`, which starts nothing. Counted is all that the machine does, the engine's and the
# kernel's work included, less what it does with the same containers and no check: nothing else may run meanwhile.
# Needs (Debian): docker.io, curl, busybox-static, gcc; root.
# Usage: benches/containers.sh [CONTAINERS] [SECONDS]       (50 and 60)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/lib.sh
. benches/lib.sh

containers=${1:-50}
seconds=${2:-60}
interval=5
image=sexton-bench-containers
sexton=$(shipped)
work=$(mktemp -d)
engine=
remove_containers() { docker ps -aq --filter "label=$image" | xargs -r docker rm -f >/dev/null 2>&1 || true; }
finish() {
    remove_containers
    docker rmi -f "$image" >/dev/null 2>&1 || true
    [ -z "$engine" ] || { kill "$engine" 2>/dev/null; wait "$engine" 2>/dev/null; } || true
    rm -rf "$work"
}
trap finish EXIT

if ! docker info >/dev/null 2>&1; then
    dockerd >"$work/dockerd.log" 2>&1 &
    engine=$!
    for _ in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 0.5; done
    docker info >/dev/null 2>&1 || { tail -n 5 "$work/dockerd.log" >&2; exit 1; }
fi

# An image with the app, a shell, curl with its libraries, and sexton.
mkdir -p "$work/image/bin" "$work/image/usr/bin"
cc -O2 -static -o "$work/image/server" tests/docker/peers/server.c
cp "$sexton" "$work/image/sexton"
cp "$(command -v busybox)" "$work/image/bin/sh"
ldd "$(command -v curl)" | grep -o '/[^ ]*' | while read -r library; do install -D "$library" "$work/image$library"; done
cp "$(command -v curl)" "$work/image/usr/bin/curl"
printf 'FROM scratch\nCOPY image /\n' >"$work/Dockerfile"
DOCKER_BUILDKIT=0 docker build -q -t "$image" "$work" >/dev/null 2>&1

# What all processors have done since boot, in milliseconds; idle, waiting and stolen time is none of it.
busy() { awk -v tick="$(getconf CLK_TCK)" '$1 == "cpu" { print int(($2 + $3 + $4 + $7 + $8) * 1000 / tick) }' /proc/stat; }

quiet=0
measure() { # row, how often its checks are counted: execs, interval or none; options of docker run, --, words
    local row=$1 count=$2 options=() began before after checks
    shift 2
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    seq "$containers" | xargs -P 8 -I{} docker run -d --label "$image" --network none "${options[@]}" "$image" "$@" >/dev/null
    # Past the starts and the first checks.
    sleep $((interval + 5))
    began=$(date +%s.%N) before=$(busy)
    sleep "$seconds"
    after=$(busy)
    case $count in
    execs) checks=$(docker events --since "$began" --until "$(date +%s.%N)" --filter "label=$image" --filter event=exec_die | wc -l) ;;
    interval) checks=$((containers * seconds / interval)) ;;
    none) checks=0 quiet=$((after - before)) ;;
    esac
    remove_containers
    awk -v row="$row" -v checks="$checks" -v all=$((after - before)) -v quiet="$quiet" 'BEGIN {
        printf "| %s | %d | %.2f s | ", row, checks, all / 1000
        if (checks) printf "%.2f ms |\n", (all - quiet) / checks; else print "- |"
    }'
}

url=http://127.0.0.1:8080/
app=(/server 8080 answering 0)
check=(--health-interval=${interval}s --health-timeout=4s)
say "| a check by | checks | CPU of the machine | of it for one check |"
say "|---|---:|---:|---:|"
measure "nobody" none -- "${app[@]}"
measure "HEALTHCHECK, curl in a shell" execs "${check[@]}" --health-cmd "curl -fsS -o /dev/null $url || exit 1" -- "${app[@]}"
cat >>"$work/Dockerfile" <<DOCKERFILE
HEALTHCHECK --interval=${interval}s --timeout=4s CMD ["/sexton", "check", "--timeout", "3s", "$url"]
DOCKERFILE
DOCKER_BUILDKIT=0 docker build -q -t "$image" "$work" >/dev/null 2>&1
measure "HEALTHCHECK, sexton check" execs -- "${app[@]}"
measure "sexton init --watch" interval --no-healthcheck -- /sexton init --watch "$url" --interval ${interval}s -- "${app[@]}"
