//! Lines as they stand in the Compose files and Dockerfiles of programs that many run, and what is printed for them.

use super::states::translated;
use crate::support::{Run, sexton};

/// A line, and what is printed for it, without the program and the quotes.
const TRANSLATED: &[(&str, &str)] = &[
    (
        r#"["CMD-SHELL", "pg_isready -d $${POSTGRES_DB} -U $${POSTGRES_USER}"]"#,
        "check --timeout 3s postgres://${POSTGRES_USER}@127.0.0.1",
    ),
    (r#"["CMD-SHELL", "redis-cli ping | grep PONG"]"#, "check redis://127.0.0.1"),
    ("redis-cli -a $$REDIS_PASSWORD --raw incr ping", "check redis://:${REDIS_PASSWORD}@127.0.0.1"),
    (
        r#"redis-cli --no-auth-warning -a "$$REDIS_HOST_PASSWORD" ping"#,
        "check redis://:${REDIS_HOST_PASSWORD}@127.0.0.1",
    ),
    ("valkey-cli ping | grep PONG", "check redis://127.0.0.1"),
    (
        r#"curl -sSf 'http://localhost/status.php' | grep '"installed":true' | grep '"maintenance":false' | grep '"needsDbUpgrade":false' || exit 1"#,
        r#"check --contains "installed":true --contains "maintenance":false --contains "needsDbUpgrade":false --status 200-399 http://localhost/status.php"#,
    ),
    (
        r#"["CMD", "curl", "-fSs", "127.0.0.1:3000/api/healthz"]"#,
        "check --status 200-399 http://127.0.0.1:3000/api/healthz",
    ),
    (
        r#"["CMD-SHELL", "exec 3<>/dev/tcp/127.0.0.1/8080;echo -e 'GET /health/ready HTTP/1.1\r\nhost: http://localhost\r\nConnection: close\r\n\r\n' >&3;if [ $? -eq 0 ]; then echo 'Healthcheck Successful';exit 0;else echo 'Healthcheck Failed';exit 1;fi;"]"#,
        "check tcp://127.0.0.1:8080",
    ),
    (
        r#"["CMD-SHELL", "exec 3<>/dev/tcp/localhost/9000; echo -e 'GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3; grep -q '200 OK' <&3 || exit 1"]"#,
        r"check --send GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n\n --expect 200 OK tcp://localhost:9000",
    ),
    (
        r#"["CMD-SHELL", "{ printf >&3 'GET /realms/master HTTP/1.0\\r\\n\\r\\n'; cat <&3; } 3<>/dev/tcp/127.0.0.1/8080 | grep -q '200 OK'"]"#,
        r"check --send GET /realms/master HTTP/1.0\r\n\r\n --expect 200 OK tcp://127.0.0.1:8080",
    ),
    (
        "wget --no-verbose --tries=1 --spider http://localhost:3000/api/health || exit 1",
        "check --method HEAD --follow http://localhost:3000/api/health",
    ),
    (
        r#"["CMD-SHELL", "wget -q --spider http://localhost:9090/-/healthy || exit 1"]"#,
        "check --method HEAD --follow http://localhost:9090/-/healthy",
    ),
    (
        r#"["CMD", "wget", "--tries=1", "-O", "/dev/null", "-q", "http://localhost:9090/-/ready"]"#,
        "check --follow http://localhost:9090/-/ready",
    ),
    (
        r#"["CMD", "traefik", "healthcheck", "--ping"]"#,
        "check --timeout 5s --method HEAD --follow --status 200 http://127.0.0.1:8080/ping",
    ),
    (
        "curl --connect-timeout 15 --silent --show-error --fail http://localhost:8989/ping",
        "check --status 200-399 http://localhost:8989/ping",
    ),
    (
        "curl -Lfk http://localhost:8096/health || exit 1",
        "check --insecure --follow --status 200-399 http://localhost:8096/health",
    ),
    (
        "curl --noproxy localhost -Lk -fsS http://localhost:8096/health || exit 1",
        "check --insecure --follow --status 200-399 http://localhost:8096/health",
    ),
    (
        r#"curl -fsS http://localhost:7878/ping | jq -e '.status == "OK"'"#,
        "check --json-path /status=OK --status 200-399 http://localhost:7878/ping",
    ),
    (
        r#"["CMD", "curl", "--fail", "http://127.0.0.1:7878/radarr/ping"]"#,
        "check --status 200-399 http://127.0.0.1:7878/radarr/ping",
    ),
    (r#"["CMD", "mc", "ready", "local"]"#, "check http://127.0.0.1:9000/minio/health/cluster"),
    ("timeout 5s bash -c ':> /dev/tcp/127.0.0.1/9000' || exit 1", "check --timeout 5s tcp://127.0.0.1:9000"),
    (
        r#"curl -s http://localhost:9200/_cluster/health | grep -q '"status":"green"'"#,
        r#"check --contains "status":"green" --status 200-599 http://localhost:9200/_cluster/health"#,
    ),
    (
        "curl -s --cacert config/certs/ca/ca.crt https://localhost:9200 | grep -q 'missing authentication credentials'",
        "check --cacert config/certs/ca/ca.crt --contains missing authentication credentials --status 200-599 https://localhost:9200",
    ),
    (
        "curl -u elastic:$$ELASTIC_PASSWORD -s -f http://localhost:9200/_cat/health >/dev/null || exit 1",
        "check --user elastic:${ELASTIC_PASSWORD} --status 200-399 http://localhost:9200/_cat/health",
    ),
    (
        "curl -s -I http://localhost:5601 | grep -q 'HTTP/1.1 302 Found'",
        "check --method HEAD --status 302 http://localhost:5601",
    ),
    (r#"["CMD", "mongosh", "--eval", "db.adminCommand('ping')"]"#, "check mongodb://127.0.0.1"),
    (
        r#"echo 'db.runCommand("ping").ok' | mongosh mongodb://localhost:27017/test --quiet"#,
        "check mongodb://localhost:27017/test",
    ),
    (
        "mongosh -u root -p $$MONGO_INITDB_ROOT_PASSWORD --eval 'db.runCommand({ping:1})' --quiet",
        "check mongodb://root:${MONGO_INITDB_ROOT_PASSWORD}@127.0.0.1",
    ),
    ("mysqladmin ping -h localhost -u root --password=$$MYSQL_ROOT_PASSWORD", "check mysql://127.0.0.1"),
    (r#"["CMD", "mysqladmin" ,"ping", "-h", "localhost"]"#, "check mysql://127.0.0.1"),
    (
        "mysql --user=$$MYSQL_USER --password=$$MYSQL_PASSWORD -e 'SHOW DATABASES;'",
        "check mysql://${MYSQL_USER}:${MYSQL_PASSWORD}@127.0.0.1",
    ),
    (
        "mysql -h localhost -u root -p$$MYSQL_ROOT_PASSWORD -e 'select 1' || exit 1",
        "check mysql://root:${MYSQL_ROOT_PASSWORD}@127.0.0.1",
    ),
    (
        r#"["CMD", "healthcheck.sh", "--su-mysql", "--connect", "--innodb_initialized"]"#,
        "check mysql://127.0.0.1",
    ),
    ("mariadb-admin ping -h 127.0.0.1 -u$$MARIADB_USER -p$$MARIADB_PASSWORD", "check mysql://127.0.0.1"),
    (
        r#"["CMD-SHELL", "pg_isready -U $$POSTGRES_USER -d $$POSTGRES_DB"]"#,
        "check --timeout 3s postgres://${POSTGRES_USER}@127.0.0.1",
    ),
    (
        r#"["CMD-SHELL", "sh -c 'pg_isready -U postgres -d mydb'"]"#,
        "check --timeout 3s postgres://postgres@127.0.0.1",
    ),
    (
        r#"["CMD", "pg_isready", "-q", "-d", "postgres", "-U", "postgres"]"#,
        "check --timeout 3s postgres://postgres@127.0.0.1",
    ),
    (
        "psql -w -U $$POSTGRES_USER -d $$POSTGRES_DB -c 'SELECT 1'",
        "check postgres://${POSTGRES_USER}@127.0.0.1/${POSTGRES_DB}",
    ),
    (
        r#"["CMD", "redis-cli", "-a", "${REDIS_PASSWORD}", "ping"]"#,
        "check redis://:${REDIS_PASSWORD}@127.0.0.1",
    ),
    ("redis-cli --pass $$REDIS_PASSWORD ping", "check redis://:${REDIS_PASSWORD}@127.0.0.1"),
    (r#"["CMD", "redis-cli","--raw", "incr", "ping"]"#, "check redis://127.0.0.1"),
    (
        "REDISCLI_AUTH=$$REDIS_PASSWORD redis-cli ping | grep -q PONG",
        "check redis://:${REDIS_PASSWORD}@127.0.0.1",
    ),
    (r#"["CMD", "rabbitmqctl", "status"]"#, "check amqp://127.0.0.1"),
    ("rabbitmqctl node_health_check", "check amqp://127.0.0.1"),
    ("kafka-topics --bootstrap-server kafka:9092 --list", "check kafka://kafka"),
    ("kafka-topics.sh --list --bootstrap-server localhost:9092 || exit 1", "check kafka://localhost"),
    (
        "/opt/kafka/bin/kafka-broker-api-versions.sh --bootstrap-server localhost:9092 > /dev/null 2>&1",
        "check kafka://localhost",
    ),
    ("kafka-cluster cluster-id --bootstrap-server localhost:9092 || exit 1", "check kafka://localhost"),
    ("echo ruok | nc localhost 2181 | grep imok", r"check --send ruok\n --expect imok tcp://localhost:2181"),
    (
        "bash -c 'echo ruok | nc 127.0.0.1 2181 | grep imok'",
        r"check --send ruok\n --expect imok tcp://127.0.0.1:2181",
    ),
    ("echo srvr | nc localhost 2181 | grep Mode", r"check --send srvr\n --expect Mode tcp://localhost:2181"),
    ("zkServer.sh status", "check zookeeper://127.0.0.1:2181"),
    (
        "tctl --address temporal:7233 cluster health",
        "check grpc://temporal:7233/temporal.api.workflowservice.v1.WorkflowService",
    ),
    (
        "temporal operator cluster health --address temporal:7233",
        "check grpc://temporal:7233/temporal.api.workflowservice.v1.WorkflowService",
    ),
    (
        "tctl --address temporal:7233 cluster health | grep -q SERVING",
        "check grpc://temporal:7233/temporal.api.workflowservice.v1.WorkflowService",
    ),
    (
        "clickhouse-client --host localhost -u default --password $$CLICKHOUSE_PASSWORD -q 'SELECT 1'",
        "check --user default:${CLICKHOUSE_PASSWORD} http://localhost:8123/?query=SELECT%201",
    ),
    (r#"["CMD", "influx", "ping"]"#, "check --follow http://127.0.0.1:8086/ping"),
    ("influx ping --host http://localhost:8086", "check --follow http://localhost:8086/ping"),
    (
        "curl -sl -I http://localhost:8086/ping?verbose=true",
        "check --method HEAD --status 200-599 http://localhost:8086/ping?verbose=true",
    ),
    ("wget http://localhost:7474 || exit 1", "check --follow http://localhost:7474"),
    (
        "wget --no-verbose --spider http://127.0.0.1:7700/health",
        "check --method HEAD --follow http://127.0.0.1:7700/health",
    ),
    (
        "pg_isready -h localhost -p 5432 -U postgres | grep 'accepting connections'",
        "check --timeout 3s postgres://postgres@localhost",
    ),
    ("bash -c ':> /dev/tcp/127.0.0.1/6333' || exit 1", "check tcp://127.0.0.1:6333"),
    ("bash -c 'cat < /dev/null > /dev/tcp/localhost/5672'", "check tcp://localhost:5672"),
    ("(echo > /dev/tcp/localhost/8080) >/dev/null 2>&1 || exit 1", "check tcp://localhost:8080"),
    ("timeout 10s bash -c '</dev/tcp/localhost/8080'", "check --timeout 10s tcp://localhost:8080"),
    ("cat < /dev/null > /dev/tcp/127.0.0.1/9092", "check tcp://127.0.0.1:9092"),
    (
        "curl -so /dev/null -w '%{http_code}' http://localhost:8080 | grep -q 200",
        "check --status 200 http://localhost:8080",
    ),
    (
        r#"test "$(curl -s -o /dev/null -w '%{http_code}' http://localhost:8080/health)" = "200""#,
        "check --status 200 http://localhost:8080/health",
    ),
    (
        r#"if [ "$(curl -s -o /dev/null -w '%{http_code}' localhost:8080)" -ne 200 ]; then exit 1; fi"#,
        "check --status 200 http://localhost:8080",
    ),
    (
        "if ! curl -fs http://localhost:8080/; then exit 1; fi",
        "check --status 200-399 http://localhost:8080/",
    ),
    (
        "if curl -fs http://localhost:8080/health; then exit 0; else exit 1; fi",
        "check --status 200-399 http://localhost:8080/health",
    ),
    (
        r#"node -e "require('http').get('http://localhost:3000/health', r => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))""#,
        "check --status 200 http://localhost:3000/health",
    ),
    (
        r#"node -e "fetch('http://localhost:3000/api/health').then(r=>process.exit(r.ok?0:1)).catch(()=>process.exit(1))""#,
        "check --follow http://localhost:3000/api/health",
    ),
    (
        r#"["CMD", "node", "-e", "fetch('http://127.0.0.1:3000/').then((r) => {if (r.status !== 200) throw new Error(r.status)})"]"#,
        "check --follow --status 200 http://127.0.0.1:3000/",
    ),
    (
        r#"bun -e "fetch('http://localhost:3000').then(r => process.exit(r.ok ? 0 : 1))""#,
        "check --follow http://localhost:3000",
    ),
    (
        r#"python -c "import urllib.request; urllib.request.urlopen('http://localhost:8000/health')""#,
        "check --follow http://localhost:8000/health",
    ),
    (
        r#"python3 -c "import requests; requests.get('http://localhost:8000/health').raise_for_status()""#,
        "check --follow --status 200-399 http://localhost:8000/health",
    ),
    (
        r#"python -c "import socket; s=socket.create_connection(('localhost', 8000), 2)""#,
        "check --timeout 2s tcp://localhost:8000",
    ),
    ("ps aux | grep '[s]idekiq' || exit 1", "check process:/sidekiq/"),
    ("ps -ef | grep -v grep | grep nginx", "check process:/nginx/"),
    ("test $(find /tmp/health -mmin -1)", "check --max-age 1m file:/tmp/health"),
    ("find /tmp/heartbeat -mmin -2 | grep .", "check --max-age 2m file:/tmp/heartbeat"),
    ("curl -sf --max-time 2 https://ipinfo.io", "check --timeout 2s --status 200-399 https://ipinfo.io"),
    ("dig +short @127.0.0.1 pi.hole", "check dns:pi.hole@127.0.0.1"),
    ("dig +norecurse +retry=0 @127.0.0.1 pi.hole || exit 1", "check dns:pi.hole@127.0.0.1"),
    ("nslookup -timeout=5 google.com 127.0.0.1", "check --timeout 5s dns:google.com@127.0.0.1"),
    ("drill @127.0.0.1 cloudflare.com || exit 1", "check dns:cloudflare.com@127.0.0.1"),
    (
        r#"["CMD", "/bin/wget", "--spider", "-S", "http://localhost:9117/UI/Login"]"#,
        "check --method HEAD --follow http://localhost:9117/UI/Login",
    ),
    (
        "wget -q --spider --proxy=off localhost:8080/health",
        "check --method HEAD --follow http://localhost:8080/health",
    ),
    (
        "wget --no-check-certificate -q --spider https://localhost:8443",
        "check --insecure --method HEAD --follow https://localhost:8443",
    ),
    (
        "wget -q -T 5 -O - http://localhost:8080/actuator/health | grep UP",
        "check --timeout 5s --follow --contains UP http://localhost:8080/actuator/health",
    ),
    (
        r#"wget -qO- localhost:8081/actuator/health | grep -q '"status":"UP"' || exit 1"#,
        r#"check --follow --contains "status":"UP" http://localhost:8081/actuator/health"#,
    ),
    (
        "curl -f http://localhost:8080/actuator/health | grep UP",
        "check --contains UP --status 200-399 http://localhost:8080/actuator/health",
    ),
    (
        r#"curl -s http://localhost:8080/actuator/health | jq -e '.status=="UP"' > /dev/null"#,
        "check --json-path /status=UP --status 200-599 http://localhost:8080/actuator/health",
    ),
    (
        "curl -f -H 'Host: example.com' http://localhost/health",
        "check --header Host: example.com --status 200-399 http://localhost/health",
    ),
    (
        "curl -f --retry 3 --retry-delay 1 http://localhost/health",
        "check --status 200-399 http://localhost/health",
    ),
    (
        "curl -fsSL --max-time 10 http://localhost:3000 -o /dev/null",
        "check --timeout 10s --follow --status 200-399 http://localhost:3000",
    ),
    (
        "curl -k -f https://localhost:8443/ || exit 1",
        "check --insecure --status 200-399 https://localhost:8443/",
    ),
    ("curl -f http://$(hostname):8080 || exit 1", "check --status 200-399 http://${HOSTNAME}:8080"),
    (
        "curl -f http://localhost:${PORT:-3000}/health",
        "check --status 200-399 http://localhost:${PORT:-3000}/health",
    ),
    (
        "curl --unix-socket /var/run/docker.sock http://localhost/_ping",
        "check --unix-socket /var/run/docker.sock --status 200-599 http://localhost/_ping",
    ),
    ("nc -z -w1 127.0.0.1 5432", "check --timeout 1s tcp://127.0.0.1:5432"),
    ("nc -z 127.0.0.1 6379 && nc -z 127.0.0.1 5432", "check tcp://127.0.0.1:6379 tcp://127.0.0.1:5432"),
    (
        "cqlsh -u cassandra -p cassandra -e 'describe keyspaces'",
        "check cassandra://cassandra:cassandra@127.0.0.1",
    ),
    (
        "pg_isready -U postgres -h db && curl -f http://localhost:8000",
        "check --status 200-399 postgres://postgres@db http://localhost:8000",
    ),
    (
        "curl -f http://localhost:8000/health && curl -f http://localhost:8001/health",
        "check --status 200-399 http://localhost:8000/health http://localhost:8001/health",
    ),
    (
        "echo version | nc -w1 127.0.0.1 11211 | grep VERSION",
        r"check --timeout 1s --send version\n --expect VERSION tcp://127.0.0.1:11211",
    ),
    (
        r#"["CMD", "sh", "-c", "curl -sf http://localhost:$$PORT/health > /dev/null"]"#,
        "check --status 200-399 http://localhost:${PORT}/health",
    ),
    (
        "curl -f http://localhost:9091/transmission/web/ --user user:pass",
        "check --user user:pass --status 200-399 http://localhost:9091/transmission/web/",
    ),
    (
        "curl -f http://admin:$$COUCHDB_PASSWORD@localhost:5984/_up || exit 1",
        "check --status 200-399 http://admin:${COUCHDB_PASSWORD}@localhost:5984/_up",
    ),
    (
        "sh -c 'until curl -sf http://localhost:8080; do sleep 1; done'",
        "wait --timeout 0 --status 200-399 http://localhost:8080",
    ),
    (
        "until pg_isready -h db -U postgres; do echo waiting; sleep 2; done",
        "wait --timeout 0 --interval 2s --attempt-timeout 3s postgres://postgres@db",
    ),
    (
        "until mysqladmin ping -h db --silent; do sleep 1; done; exec app",
        "wait --timeout 0 mysql://db -- app",
    ),
    ("dockerize -wait tcp://db:5432 -timeout 60s app", "wait tcp://db:5432 -- app"),
    ("wait4x tcp 127.0.0.1:3306 -t 10s -- app", "wait --timeout 10s tcp://127.0.0.1:3306 -- app"),
    (
        "wait4x http http://localhost:8080/health --expect-status-code 200",
        "wait --timeout 10s --follow --status 200 http://localhost:8080/health",
    ),
    ("wait4x redis redis://127.0.0.1:6379", "wait --timeout 10s redis://127.0.0.1:6379"),
    (
        "wait4x postgresql 'postgres://bob:secret@localhost:5432/mydb?sslmode=disable'",
        "wait --timeout 10s postgres://bob:secret@localhost:5432/mydb?sslmode=disable",
    ),
    ("wait-for-it.sh db:5432 -t 60 -- app", "wait --or-run tcp://db:5432 -- app"),
    ("./wait-for db:5432 -- app", "wait --timeout 15s tcp://db:5432 -- app"),
    ("redis-cli -a x cluster info | grep -q cluster_state:ok", "check redis://:x@127.0.0.1?cluster=ok"),
    ("influx ping --host http://influx:8086", "check --follow http://influx:8086/ping"),
    (
        "traefik healthcheck --ping --entryPoints.traefik.address=:8082",
        "check --timeout 5s --method HEAD --follow --status 200 http://127.0.0.1:8082/ping",
    ),
    ("getent hosts db", "check dns:db"),
    ("nslookup db || exit 1", "check dns:db"),
    (
        "wait4x mysql 'user:pa/ss@tcp(localhost:3306)/mydb'",
        "wait --timeout 10s mysql://user:pa%2Fss@localhost/mydb",
    ),
    ("wait4x influxdb http://localhost:8086", "wait --timeout 10s http://localhost:8086/ping"),
    (
        "wait4x temporal server 127.0.0.1:7233",
        "wait --timeout 10s grpc://127.0.0.1:7233/temporal.api.workflowservice.v1.WorkflowService",
    ),
    ("dig -p 5353 @127.0.0.1 db.test", "check dns:db.test@127.0.0.1:5353"),
];

/// A line without a translation, and what comes nearest to it.
const REFUSED: &[(&str, &str)] = &[
    ("ak healthcheck", "sexton check http://127.0.0.1:9000/-/health/live/"),
    (r#"["CMD", "/usr/local/bin/healthcheck"]"#, "sexton translate FILE, with that script"),
    ("traefik healthcheck", "sexton check --method HEAD http://127.0.0.1:8080/ping"),
    ("mc ping local -c 1 || exit 1", "sexton check http://127.0.0.1:9000/minio/health/live"),
    (
        r"curl -s -X GET http://localhost:9200/_cluster/health?pretty | grep status | grep -q '\(green\|yellow\)'",
        "sexton check --any 'http://localhost:9200/_cluster/health?pretty#contains=green' 'http://localhost:9200/_cluster/health?pretty#contains=yellow'",
    ),
    (
        r#"mongosh --quiet --eval "try { rs.status().ok } catch (e) { rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: 'mongo:27017' }] }).ok }" || exit 1"#,
        "sexton check mongodb://127.0.0.1, which asks whether the server is ready",
    ),
    (
        "healthcheck.sh --connect --innodb_initialized --galera_online",
        "sexton check mysql://USER:PASSWORD@127.0.0.1",
    ),
    (
        "rabbitmq-diagnostics -q check_running && rabbitmq-diagnostics -q check_local_alarms",
        "sexton check amqp://USER:PASSWORD@127.0.0.1, which fails while memory or disk is short",
    ),
    ("echo ruok | nc -w 2 localhost 2181 || exit 1", "sexton check zookeeper://localhost:2181"),
    ("cypher-shell -u neo4j -p $$NEO4J_PASS 'RETURN 1'", "sexton check http://127.0.0.1:7474"),
    ("celery -A app inspect ping -d celery@$$HOSTNAME", "sexton check --max-age 1m file:/HEARTBEAT"),
    ("supervisorctl status | grep RUNNING", "sexton check process:NAME"),
    (
        r#"["CMD", "vault", "status"]"#,
        "sexton check --status 200,429,472,473 http://127.0.0.1:8200/v1/sys/health",
    ),
    ("consul members", "sexton check http://127.0.0.1:8500/v1/status/leader"),
    ("ping -c 1 google.com", "sexton check tcp://HOST:PORT"),
    (
        r#"["CMD", "/app/healthcheck", "http://localhost:8080/health"]"#,
        "sexton translate FILE, with that script",
    ),
    ("sqlcmd -S localhost -U sa -P $$SA_PASSWORD -Q 'SELECT 1'", "sexton check tcp://127.0.0.1:1433"),
    ("nodetool status | grep -q '^UN'", "sexton check cassandra://127.0.0.1"),
    ("mosquitto_sub -t '$$SYS/#' -C 1 -i healthcheck -W 3", "sexton check mqtt://127.0.0.1"),
    ("memcached-tool localhost:11211", "sexton check memcached://127.0.0.1:11211"),
    ("gitlab-healthcheck --fail --max-time 10", "sexton check http://127.0.0.1/-/readiness"),
    ("immich-healthcheck", "sexton check http://127.0.0.1:2283/api/server/ping"),
    (
        "curl -f http://localhost/ || kill 1",
        "sexton init --watch TARGET -- APP, which ends an unhealthy app so that its restart policy acts",
    ),
    (
        "rpk cluster health | grep -E 'Healthy:.+true' || exit 1",
        "sexton check http://127.0.0.1:9644/v1/status/ready",
    ),
    ("cockroach node status --insecure", "sexton check http://127.0.0.1:8080/health?ready=1"),
    (
        "/usr/bin/squidclient -h localhost cache_object://localhost/counters",
        "sexton check tcp://127.0.0.1:3128",
    ),
    (
        "bash -c 'exec 3<>/dev/tcp/localhost/11211; echo stats >&3; head -1 <&3'",
        "sexton check --send TEXT --expect TEXT tcp://localhost:11211",
    ),
    ("cloudflared tunnel --metrics localhost:2000 ready", "sexton check http://127.0.0.1:PORT/ready"),
    ("ldapsearch -x -H ldap://localhost -b '' -s base", "sexton check ldap://127.0.0.1"),
    (
        r#"[ "$(curl -s -o /dev/null -w '%{http_code}' localhost:8080)" -lt 500 ]"#,
        "sexton check --not-contains TEXT URL, or another --status",
    ),
    ("netstat -an | grep 8080 > /dev/null; if [ 0 != $? ]; then exit 1; fi;", "sexton check tcp://HOST:PORT"),
    (
        r#"pg_isready --dbname="$${POSTGRES_DB}" --username="$${POSTGRES_USER}" || exit 1; Chksum="$$(psql --dbname="$${POSTGRES_DB}" --username="$${POSTGRES_USER}" --tuples-only --no-align --command='SELECT COALESCE(SUM(checksum_failures), 0) FROM pg_stat_database')"; echo "checksum failure count is $$Chksum"; [ "$$Chksum" = '0' ] || exit 1"#,
        "sexton check postgres://${POSTGRES_USER}@127.0.0.1/${POSTGRES_DB}, which asks whether the server answers queries",
    ),
];

#[test]
fn lines_of_popular_images_are_translated() {
    let mut wrong = Vec::new();
    for (line, wanted) in TRANSLATED {
        match translated(line) {
            Ok((words, _)) if words[1..].join(" ") == *wanted && words[0] == "/sexton" => {}
            other => wrong.push(format!("{line}\n    wanted {wanted}\n    {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lines_of_popular_images_that_have_no_translation_name_what_comes_nearest() {
    let mut wrong = Vec::new();
    for (line, nearest) in REFUSED {
        let Run { code, stdout, .. } = sexton(["translate", line]);
        if code != Some(1) || !stdout.contains(&format!("; nearest: {nearest}")) {
            wrong.push(format!("{line}\n    wanted {nearest}\n    {code:?} {stdout}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
