#!/usr/bin/env bash
# Prints what one check of a container costs in CPU time: as a HEALTHCHECK in a shell, as a HEALTHCHECK by sexton, and as
# `sexton init --watch`, which starts nothing. The container's own time comes from its cgroup, the engine's (dockerd,
# containerd and the container's shim, with the runc processes that they start) from /proc. Wants an engine on which
# nothing else happens meanwhile. Needs root, Docker, busybox-static, gcc.
# Usage: benches/watch.sh [ROUNDS]       (200; SEXTON=path measures another build)
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-200}
pause=200ms
work=$(mktemp -d)
image=sexton-bench-watch
name=
finish() {
    [ -z "$name" ] || docker rm -f "$name" >/dev/null 2>&1 || true
    docker rmi -f "$image" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT

target=$(uname -m)-unknown-linux-gnu
if [ -z "${SEXTON:-}" ]; then
    cargo build -q --release --target "$target"
    SEXTON=target/$target/release/sexton
fi
cp "$SEXTON" "$work/sexton"
cp "$(command -v busybox)" "$work/busybox"
cc -O2 -static -o "$work/server" tests/docker/peers/server.c
url=http://127.0.0.1:8080/
cat >"$work/Dockerfile" <<DOCKERFILE
FROM scratch
COPY sexton server /
COPY busybox /bin/sh
COPY busybox /bin/wget
HEALTHCHECK --interval=$pause --timeout=5s CMD ["/sexton", "check", "$url"]
DOCKERFILE
DOCKER_BUILDKIT=0 docker build -q -t "$image" "$work" >/dev/null 2>&1

# CPU time of processes and of the children that they have waited for, in microseconds.
spent() {
    local tick pid
    tick=$((1000000 / $(getconf CLK_TCK)))
    for pid in "$@"; do
        awk -v tick="$tick" '{ sub(/^.*\) /, ""); print ($12 + $13 + $14 + $15) * tick }' "/proc/$pid/stat"
    done | awk '{ sum += $1 } END { printf "%d\n", sum }'
}

# CPU time of the cgroup of process $1, in microseconds.
inside() {
    local path
    path=$(awk -F: '$2 ~ /cpuacct/ { print $3 }' "/proc/$1/cgroup")
    if [ -n "$path" ]; then
        echo $(($(cat "/sys/fs/cgroup/cpuacct$path/cpuacct.usage") / 1000))
    else
        path=$(awk -F: '$1 == 0 { print $3 }' "/proc/$1/cgroup")
        awk '$1 == "usage_usec" { print $2 }' "/sys/fs/cgroup$path/cpu.stat"
    fi
}

measure() { # row, what a check is counted by, docker options and words
    local row=$1 count=$2 pid shim since checks engine inside_before outside_before inside_after outside_after
    shift 2
    name=sexton-bench-$$
    docker run -d --name "$name" --network=none "$@" >/dev/null
    pid=$(docker inspect -f '{{.State.Pid}}' "$name")
    shim=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")
    read -r -a engine <<<"$(pgrep -x dockerd | tr '\n' ' ') $(pgrep -x containerd | tr '\n' ' ') $shim"
    # Past the start.
    sleep 2
    since=$(date +%s.%N)
    inside_before=$(inside "$pid") outside_before=$(spent "${engine[@]}")
    sleep "$(awk -v rounds="$rounds" 'BEGIN { print rounds * 0.2 }')"
    inside_after=$(inside "$pid") outside_after=$(spent "${engine[@]}")
    case $count in
    execs) checks=$(docker events --since "$since" --until "$(date +%s.%N)" --filter "container=$name" \
        --filter event=exec_die | wc -l) ;;
    # One in each pause, and it takes next to nothing.
    pauses) checks=$rounds ;;
    esac
    docker rm -f "$name" >/dev/null
    name=
    printf '| %s | %d | %d | %d |\n' "$row" "$checks" $(((inside_after - inside_before) / checks)) \
        $(((outside_after - outside_before) / checks))
}

printf '| a check by | checks | us in the container | us in the engine |\n|---|---|---|---|\n'
app=(/server 8080 answering 0)
check=(--health-interval=$pause --health-timeout=5s)
measure 'HEALTHCHECK, wget in a shell' execs "${check[@]}" --health-cmd "wget -q -O /dev/null $url || exit 1" "$image" "${app[@]}"
measure 'HEALTHCHECK, sexton check' execs "$image" "${app[@]}"
measure 'sexton init --watch' pauses --no-healthcheck "$image" /sexton init --watch "$url" --interval "$pause" -- "${app[@]}"
measure 'nobody' pauses --no-healthcheck "$image" /sexton init -- "${app[@]}"
