#!/usr/bin/env bash
# Prints what one plain GET, one GET over TLS, and an init cost, each beside the tools that it replaces.
# All rows of a table come from one run on one server. Needs (Debian): nginx-light or nginx, curl, wget, busybox-static,
# tini, dumb-init, catatonit, hyperfine, valgrind, time, openssl, gcc, musl-tools, python3.
# Usage: benches/compare.sh [get] [tls] [init]       (all three when none is named)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/lib.sh
. benches/lib.sh

runs=${SEXTON_BENCH_RUNS:-400}
work=$(mktemp -d)
nginx_pid=
finish() { [ -z "$nginx_pid" ] || kill "$nginx_pid" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT

# --- what is measured ------------------------------------------------------------------------------------------------

sexton_musl=$(shipped)
sexton_gnu=${SEXTON_GNU:-}
if [ -z "$sexton_gnu" ]; then
    cargo build -q --release --bin sexton --target "$gnu"
    sexton_gnu=$target_folder/$gnu/release/sexton
fi
for source in floor orphans latency; do cc -O2 -static -o "$work/$source" "benches/$source.c"; done
musl-gcc -O2 -static -o "$work/floor-musl" benches/floor.c

# Name and command of each client; the command ends where the URL begins.
clients() { # URL, options for curl, options for wget, options for sexton
    say "sexton (musl)|$sexton_musl check $4 $1"
    say "sexton (musl) --timeout 4s|$sexton_musl check --timeout 4s $4 $1"
    say "sexton (gnu)|$sexton_gnu check $4 $1"
    say "curl|curl -fsS -o /dev/null $2 $1"
    say "wget|wget -q -O /dev/null $3 $1"
}

serve() { # port, tls port
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
        -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    cat >"$work/nginx.conf" <<CONF
daemon off; master_process off; pid $work/nginx.pid; error_log $work/error.log; worker_rlimit_nofile 4096;
events { worker_connections 1024; }
http {
    access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work;
    uwsgi_temp_path $work; scgi_temp_path $work;
    server {
        listen 127.0.0.1:$1; listen 127.0.0.1:$2 ssl;
        ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_session_tickets off; ssl_protocols TLSv1.3;
        location / { return 200 "ok\n"; }
    }
}
CONF
    nginx -c "$work/nginx.conf" -p "$work" 2>/dev/null &
    nginx_pid=$!
    for _ in $(seq 100); do "$work/floor" 127.0.0.1 "$1" / >/dev/null 2>&1 && return; sleep 0.05; done
    say "nginx does not answer" >&2; exit 1
}

# --- one check -------------------------------------------------------------------------------------------------------

# All bytes that have to be in the image: the program and the libraries that it loads.
on_disk() {
    local file; file=$(command -v "$1")
    { readlink -f "$file"; ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true; } | sort -u | xargs -r stat -L -c %s |
        awk '{sum += $1} END {printf "%.1f MB", sum / 1e6}'
}

table_of_clients() { # file with lines Name|command
    say "| | on disk, with libraries | wall time | user + system CPU | peak RSS | page faults | instructions |"
    say "|---|---:|---:|---:|---:|---:|---:|"
    local name command
    while IFS='|' read -r name command; do
        # shellcheck disable=SC2086
        set -- $command
        hyperfine -N --style none --warmup 30 --runs $runs --export-json "$work/time.json" "$command" >/dev/null 2>&1 ||
            { say "| $name | failed |"; continue; }
        for _ in $(seq 11); do /usr/bin/time -f '%M %R' "$@" 2>&1 >/dev/null | tail -n 1; done | sort -n | sed -n 6p >"$work/memory"
        # It cannot run a check that reads files, whose task shares its memory.
        timeout -s KILL 60 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null | grep -o 'Collected : .*' |
            grep -o '[0-9]*' >"$work/instructions" || echo 0 >"$work/instructions"
        python3 - "$work" "$name" "$(on_disk "$1")" <<'PY'
import json, sys
work, name, disk = sys.argv[1:]
run = json.load(open(work + "/time.json"))["results"][0]
rss, faults = open(work + "/memory").read().split()
instructions = int(open(work + "/instructions").read())
instructions = f"{instructions:,}" if instructions else "-"
print(f"| {name} | {disk} | {run['median'] * 1e3:.2f} ms | {(run['user'] + run['system']) * 1e3:.2f} ms "
      f"| {int(rss) / 1024:.2f} MB | {faults} | {instructions} |")
PY
    done <"$1"
}

table_get() {
    local url=http://127.0.0.1:$port/
    {
        clients "$url" "" "" ""
        say "busybox wget|busybox wget -q -O /dev/null $url"
        say "static C by glibc (the floor)|$work/floor 127.0.0.1 $port /"
        say "static C by musl (the floor)|$work/floor-musl 127.0.0.1 $port /"
    } >"$work/clients"
    say; say "One plain GET of \`http://127.0.0.1/\` from nginx:"; say
    table_of_clients "$work/clients"
}

table_tls() {
    clients "https://localhost:$tls_port/" "--cacert $work/cert.pem" "--ca-certificate=$work/cert.pem" \
        "--cacert $work/cert.pem" >"$work/clients"
    # As the server settles it, whatever the configuration was meant to say.
    local version
    version=$(openssl s_client -connect "127.0.0.1:$tls_port" </dev/null 2>/dev/null | grep -om1 'TLSv1\.[0-9]')
    say; say "One GET over TLS ${version#TLSv}, the certificate verified, from the same nginx:"; say
    table_of_clients "$work/clients"
}

# --- an init ---------------------------------------------------------------------------------------------------------

inits() {
    say "sexton init (musl)|$sexton_musl init --"
    say "sexton init (gnu)|$sexton_gnu init --"
    say "tini-static|tini-static -s --"
    say "tini|tini -s --"
    say "dumb-init|dumb-init"
    say "catatonit|catatonit --"
}

table_init() {
    local idle=${SEXTON_BENCH_IDLE:-20} name command
    inits >"$work/inits"
    # All are idle at the same time, each as PID 1 of a namespace of its own.
    while IFS='|' read -r name command; do
        # shellcheck disable=SC2086
        unshare --pid --fork --kill-child $command sleep $((idle + 30)) >/dev/null 2>&1 &
        say "$name|$!" >>"$work/idle"
    done <"$work/inits"
    sleep 2
    python3 - "$work" "$idle" <<'PY'
import sys, time, glob
work, idle = sys.argv[1], int(sys.argv[2])
def child(pid):
    return int(open(f"/proc/{pid}/task/{pid}/children").read().split()[0])
def look(pid):
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
    rollup = dict(line.split(":", 1) for line in open(f"/proc/{pid}/smaps_rollup").readlines()[1:])
    private = sum(int(rollup[key].split()[0]) for key in ("Private_Clean", "Private_Dirty"))
    stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    switches = sum(int(line.split()[1]) for task in glob.glob(f"/proc/{pid}/task/*/status")
                   for line in open(task) if "ctxt_switches" in line)
    return {"rss": int(status["VmRSS"].split()[0]), "private": private, "threads": int(status["Threads"]),
            "dirty": int(rollup["Private_Dirty"].split()[0]), "cpu": int(stat[11]) + int(stat[12]), "switches": switches}
rows = [line.strip().split("|") for line in open(work + "/idle")]
pids = {name: child(int(pid)) for name, pid in rows}
before = {name: look(pid) for name, pid in pids.items()}
time.sleep(idle)
with open(work + "/idle.csv", "w") as out:
    for name, pid in pids.items():
        a, b = before[name], look(pid)
        wakeups = (b["switches"] - a["switches"]) * 60 / idle
        out.write(f"{name}|{b['rss']}|{b['private']}|{b['dirty']}|{b['threads']}|{wakeups:.0f}|{b['cpu'] - a['cpu']}\n")
PY
    while IFS='|' read -r name pid; do kill "$pid" 2>/dev/null || true; done <"$work/idle"
    say; say "An init: idle as PID 1 for $idle s, then start, orphans, forwarding:"; say
    say "| | RSS | private | dirty | threads | wake-ups a minute | start to end of \`true\` | CPU for 9,000 orphans | CPU for 100,000 | USR1 forwarded, median |"
    say "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    while IFS='|' read -r name command; do
        hyperfine -N --style none --warmup 30 --runs $runs --export-json "$work/time.json" "$command true" >/dev/null 2>&1
        start=$(python3 -c 'import json,sys; print("%.2f ms" % (json.load(open(sys.argv[1]))["results"][0]["median"] * 1e3))' "$work/time.json")
        small=$(orphans_cpu 9000 "$command"); large=$(orphans_cpu 100000 "$command")
        # shellcheck disable=SC2086
        latency=$("$work/latency" 2000 $command)
        IFS='|' read -r _ rss private dirty threads wakeups _ < <(grep -F "$name|" "$work/idle.csv")
        say "| $name | $rss KB | $private KB | $dirty KB | $threads | $wakeups | $start | $small ms | $large ms | $latency µs |"
    done <"$work/inits"
}

# CPU of the init alone, in ms: read from its own /proc before it ends, by the main child.
orphans_cpu() { # count, command
    cat >"$work/orphans.sh" <<'SH'
"$1" "$2"
awk '{ print ($14 + $15) * 10 }' /proc/1/stat
SH
    # shellcheck disable=SC2086
    for _ in 1 2 3; do unshare --pid --fork --mount-proc --kill-child $2 sh "$work/orphans.sh" "$work/orphans" "$1"; done |
        sort -n | sed -n 2p
}

# --- all of it -------------------------------------------------------------------------------------------------------

port=$(free_port); tls_port=$(free_port)
serve "$port" "$tls_port"
[ $# -gt 0 ] || set -- get tls init
for table; do "table_$table"; done
