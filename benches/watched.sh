#!/usr/bin/env bash
# Prints what PID 1 pays for `sexton init --watch`: CPU time of one check by its kind, beside the same system calls in C
# without a thread, and for 1, 100 and 1,000 targets its memory, too. Needs (Debian): gcc, nginx-light, python3, util-linux.
# Usage: benches/watched.sh [CHECKS]       (1000 of each kind)
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/lib.sh
. benches/lib.sh

sexton=$(shipped)
work=$(mktemp -d)
server=
finish() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
cc -O2 -static -o "$work/floor" benches/floor.c
port=$(free_port)
cat >"$work/nginx.conf" <<CONF
daemon off; master_process off; pid $work/nginx.pid; error_log $work/error.log; worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
    access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work;
    uwsgi_temp_path $work; scgi_temp_path $work;
    server { listen 127.0.0.1:$port backlog=4096; location / { return 200 "ok\n"; } }
}
CONF
nginx -c "$work/nginx.conf" -p "$work" 2>/dev/null &
server=$!
"$sexton" wait -q --timeout 20s "http://127.0.0.1:$port/"
: >"$work/file"

python3 - "$sexton" "$work" "$port" "${1:-1000}" <<'PY'
import glob, re, socket, subprocess, sys, time

sexton, work, port, checks = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
url, listen = f"http://127.0.0.1:{port}/", f"{work}/listen"


def spent(init):
    """CPU time of the init in microseconds: its threads, and the tasks that stand beside it; not of its command."""
    tasks = [init] + [pid for path in glob.glob(f"/proc/{init}/task/*/children") for pid in open(path).read().split()
                      if open(f"/proc/{pid}/comm").read() != "sleep\n"]
    return sum(int(open(path).read().split()[0]) for pid in tasks for path in glob.glob(f"/proc/{pid}/task/*/schedstat")) / 1e3


def attempts():
    """How many checks it has finished, as its metrics say."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(listen)
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return sum(int(float(count)) for count in re.findall(rb"_attempt_duration_seconds_count\{.*\} (\S+)", answer))


def watch(targets, interval, rounds):
    """CPU time of a check, dirty memory and threads of an init that asks each of `targets` about so many times."""
    words = [word for target in targets for word in ("--watch", target)]
    pace = ["--interval", f"{interval}ms", "--start-interval", f"{interval}ms"]
    run = subprocess.Popen([sexton, "init", *pace, "--listen", f"unix:{listen}", *words, "--", "sleep", "600"])
    try:
        time.sleep(3)
        count, before = attempts(), spent(run.pid)
        time.sleep(rounds * interval / 1e3)
        # In this order: what answers for the metrics is work of the same process.
        after = spent(run.pid)
        each = (after - before) / (attempts() - count)
        rollup = dict(line.split(":", 1) for line in open(f"/proc/{run.pid}/smaps_rollup").readlines()[1:])
        threads = len(glob.glob(f"/proc/{run.pid}/task/*"))
        return each, int(rollup["Private_Dirty"].split()[0]), threads
    finally:
        run.terminate()
        run.wait()


floor = subprocess.run([f"{work}/floor", "127.0.0.1", port, "/", str(checks)], check=True, capture_output=True, text=True)
connect, get = floor.stdout.split()
print("| a check by `--watch` | CPU of PID 1 | the same system calls in C |\n|---|---:|---:|")
for name, target, least in (("http", url, f"{get} µs"), ("tcp", f"tcp://127.0.0.1:{port}", f"{connect} µs"),
                            ("file", f"file:{work}/file", "-")):
    print(f"| {name} | {watch([target], 10, checks)[0]:.1f} µs | {least} |", flush=True)
print("\n| targets watched (http, once a second each) | CPU of PID 1 a check | private dirty memory | threads |\n|---|---:|---:|---:|")
for count in (1, 100, 1000):
    each, dirty, threads = watch([f"{url}?{number}" for number in range(count)], 1000, min(20, checks // 10))
    print(f"| {count:,} | {each:.1f} µs | {dirty:,} KB | {threads:,} |", flush=True)
PY
