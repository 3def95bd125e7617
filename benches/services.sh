#!/usr/bin/env bash
# Prints what one check of a service costs, beside the tool that people run today. Needs (Debian): redis-server, nats-server,
# mosquitto, mosquitto-clients, slapd, ldap-utils, memcached, hyperfine; the musl target.
# Usage: benches/services.sh
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
pids=()
finish() { kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
serve() { "$@" >"$work/log" 2>&1 & pids+=($!); }

target=$(uname -m)-unknown-linux-musl
cargo build -q --release --target "$target"
sexton=${CARGO_TARGET_DIR:-target}/$target/release/sexton

mkdir "$work/ldap"
cat >"$work/slapd.conf" <<CONF
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix dc=test
directory $work/ldap
CONF
serve redis-server --port 16379 --save ""
serve nats-server -a 127.0.0.1 -p 14222
serve mosquitto -p 11883
serve memcached -l 127.0.0.1 -p 11211 -u nobody
serve /usr/sbin/slapd -d 0 -f "$work/slapd.conf" -h ldap://127.0.0.1:10389
checks=(
    "redis|redis://127.0.0.1:16379|redis-cli -p 16379 ping"
    "memcached|memcached://127.0.0.1:11211|"
    "NATS|nats://127.0.0.1:14222|"
    "MQTT|mqtt://127.0.0.1:11883|mosquitto_pub -p 11883 -t sexton -m x"
    "LDAP|ldap://127.0.0.1:10389|ldapsearch -x -H ldap://127.0.0.1:10389 -b '' -s base"
)
for row in "${checks[@]}"; do
    IFS='|' read -r _ url _ <<<"$row"
    "$sexton" wait -q --timeout 20s "$url"
done

milliseconds() { # COMMAND: median wall time, and user and system time
    hyperfine --shell=none --warmup 5 --runs 100 --export-json "$work/run.json" "$1" >/dev/null 2>&1 &&
        python3 -c 'import json, sys; run = json.load(open(sys.argv[1]))["results"][0]; print("%.2f ms | %.2f ms" % (run["median"] * 1e3, (run["user"] + run["system"]) * 1e3))' "$work/run.json"
}
echo "| a check of | sexton: wall time | CPU | the usual tool: wall time | CPU |"
echo "|---|---:|---:|---:|---:|"
for row in "${checks[@]}"; do
    IFS='|' read -r name url tool <<<"$row"
    other="- | -"
    [ -z "$tool" ] || other="$(milliseconds "$tool") (${tool%% *})"
    echo "| $name | $(milliseconds "$sexton check $url") | $other |"
done
