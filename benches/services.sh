#!/usr/bin/env bash
# Prints what one check of a service costs, beside the tool that people run today. Needs (Debian): redis-server, nats-server,
# mosquitto, mosquitto-clients, slapd, ldap-utils, memcached, exim4-daemon-light, zookeeper, hyperfine, python3. MongoDB,
# Kafka and Cassandra are the tests' servers, which the real clients accept: Debian has no package of the real ones.
# Usage: benches/services.sh
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/lib.sh
. benches/lib.sh

work=$(mktemp -d)
pids=()
finish() { kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
serve() { "$@" >"$work/log" 2>&1 & pids+=($!); }

sexton=$(shipped)

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

port_smtp=$(free_port) port_zookeeper=$(free_port)
mkdir -m 777 "$work/smtp" "$work/smtp/spool"
chmod 755 "$work"
cat >"$work/exim.conf" <<CONF
primary_hostname = mail.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = $port_smtp
log_file_path = $work/smtp/%slog
spool_directory = $work/smtp/spool
pid_file_path = $work/smtp/pid
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
CONF
serve exim4 -bdf -C "$work/exim.conf"
mkdir "$work/zookeeper"
cat >"$work/zoo.cfg" <<CONF
tickTime=2000
dataDir=$work/zookeeper
clientPort=$port_zookeeper
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=srvr
CONF
serve java -Xmx64m -cp /usr/share/java/zookeeper.jar org.apache.zookeeper.server.quorum.QuorumPeerMain "$work/zoo.cfg"
scripted() { # KIND STATE: sets port_KIND
    python3 tests/it/services/scripted.py serve "$1" "$2" >"$work/$1.port" 2>"$work/log" &
    pids+=($!)
    until [ -s "$work/$1.port" ]; do sleep 0.05; done
    printf -v "port_$1" %s "$(head -n 1 "$work/$1.port")"
}
scripted mongodb primary; scripted kafka up; scripted cassandra up
checks=(
    "redis|redis://127.0.0.1:16379|redis-cli -p 16379 ping"
    "memcached|memcached://127.0.0.1:11211|"
    "NATS|nats://127.0.0.1:14222|"
    "MQTT|mqtt://127.0.0.1:11883|mosquitto_pub -p 11883 -t sexton -m x"
    "LDAP|ldap://127.0.0.1:10389|ldapsearch -x -H ldap://127.0.0.1:10389 -b '' -s base"
    "SMTP|smtp://127.0.0.1:$port_smtp|"
    "ZooKeeper|zookeeper://127.0.0.1:$port_zookeeper|"
    "MongoDB (scripted)|mongodb://127.0.0.1:$port_mongodb|"
    "Kafka (scripted)|kafka://127.0.0.1:$port_kafka|"
    "Cassandra (scripted)|cassandra://127.0.0.1:$port_cassandra|"
)
for row in "${checks[@]}"; do
    IFS='|' read -r _ url _ <<<"$row"
    "$sexton" wait -q --timeout 20s "$url"
done

milliseconds() { # COMMAND: median wall time, and user and system time
    hyperfine --shell=none --warmup 5 --runs 100 --export-json "$work/run.json" "$1" >/dev/null 2>&1 &&
        python3 -c 'import json, sys; run = json.load(open(sys.argv[1]))["results"][0]; print("%.2f ms | %.2f ms" % (run["median"] * 1e3, (run["user"] + run["system"]) * 1e3))' "$work/run.json"
}
say "| a check of | sexton: wall time | CPU | the usual tool: wall time | CPU |"
say "|---|---:|---:|---:|---:|"
for row in "${checks[@]}"; do
    IFS='|' read -r name url tool <<<"$row"
    other="- | -"
    [ -z "$tool" ] || other="$(milliseconds "$tool") (${tool%% *})"
    say "| $name | $(milliseconds "$sexton check $url") | $other |"
done
