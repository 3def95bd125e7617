"""Servers that Debian has no package of, as far as a check and a real client talk to them; and the real clients.

    scripted.py serve mongodb|kafka|cassandra|mysql STATE     prints its port, then serves until killed
    scripted.py ask mongodb|kafka|cassandra|mysql PORT [USER PASSWORD [MECHANISM]]     prints what the real client
                                                          makes of it

Each server speaks by its protocol's document: MongoDB's OP_MSG and SCRAM-SHA-256, Kafka's messages without compact
encoding, CQL's native protocol 4. A server of the state `login` wants the user `u` with the password `hunter2`, one of
the state `login:PASSWORD` another password; Kafka's `scram:PASSWORD` by SCRAM-SHA-256.
"""

import base64
import hashlib
import hmac
import os
import socketserver
import struct
import subprocess
import sys
import tempfile

USER, PASSWORD = "u", "hunter2"


class Scram:
    """The server's side of SCRAM-SHA-256 (RFC 5802)."""

    def first(self, message):
        self.client_first_bare = message[3:]
        attributes = dict(part.split("=", 1) for part in self.client_first_bare.split(","))
        self.user, self.salt = attributes["n"], os.urandom(16)
        self.nonce = attributes["r"] + base64.b64encode(os.urandom(18)).decode()
        self.server_first = f"r={self.nonce},s={base64.b64encode(self.salt).decode()},i=4096"
        return self.server_first

    def last(self, message):
        """The proof of the server, or nothing where the client has none."""
        without_proof, proof = message.rsplit(",p=", 1)
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), self.salt, 4096)
        sign = lambda key, text: hmac.new(key, text, "sha256").digest()
        auth = f"{self.client_first_bare},{self.server_first},{without_proof}".encode()
        client_key = sign(salted, b"Client Key")
        signature = sign(hashlib.sha256(client_key).digest(), auth)
        expected = bytes(a ^ b for a, b in zip(client_key, signature))
        if self.user != USER or base64.b64decode(proof) != expected or f"r={self.nonce}" not in without_proof:
            return None
        return "v=" + base64.b64encode(sign(sign(salted, b"Server Key"), auth)).decode()


class Handler(socketserver.BaseRequestHandler):
    def exactly(self, amount):
        data = b""
        while len(data) < amount:
            piece = self.request.recv(amount - len(data))
            if not piece:
                raise ConnectionError("closed")
            data += piece
        return data

    def handle(self):
        try:
            self.serve()
        except ConnectionError:
            pass


class Mongodb(Handler):
    STATES = {
        "standalone": {"isWritablePrimary": True},
        "login": {"isWritablePrimary": True},
        "primary": {"isWritablePrimary": True, "setName": "rs0", "hosts": ["127.0.0.1"], "me": "127.0.0.1"},
        "starting": {"isWritablePrimary": False, "secondary": False, "setName": "rs0"},
        "uninitiated": {"isWritablePrimary": False, "secondary": False, "isreplicaset": True},
    }

    def serve(self):
        import bson

        scram, allowed = Scram(), self.server.state != "login"
        while True:
            length, request, _, opcode = struct.unpack("<iiii", self.exactly(16))
            body = self.exactly(length - 16)
            if opcode == 2004:
                command = bson.decode(body[4 + body[4:].index(0) + 1 + 8:])
            else:
                command = bson.decode(body[5:])
            name = next(iter(command))
            hello = {**self.STATES[self.server.state], "minWireVersion": 0, "maxWireVersion": 21, "ok": 1.0,
                     "ismaster": self.STATES[self.server.state]["isWritablePrimary"], "maxBsonObjectSize": 1 << 24,
                     "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000}
            if name.lower() in ("hello", "ismaster"):
                answer = hello
                if "saslSupportedMechs" in command:
                    answer["saslSupportedMechs"] = ["SCRAM-SHA-256"]
            elif name == "saslStart":
                payload = scram.first(bytes(command["payload"]).decode()).encode()
                answer = {"conversationId": 1, "done": False, "payload": payload, "ok": 1.0}
            elif name == "saslContinue":
                proof = scram.last(bytes(command["payload"]).decode())
                allowed = proof is not None
                answer = {"conversationId": 1, "done": True, "payload": (proof or "").encode(), "ok": 1.0}
                if not allowed:
                    answer = {"ok": 0.0, "errmsg": "Authentication failed.", "code": 18}
            elif not allowed:
                answer = {"ok": 0.0, "errmsg": "command requires authentication", "code": 13}
            else:
                answer = {"ok": 1.0}
            document = bson.encode(answer)
            if opcode == 2004:
                content = struct.pack("<iqii", 8, 0, 0, 1) + document
                head = struct.pack("<iiii", 16 + len(content), 1, request, 1)
            else:
                content = b"\0\0\0\0\0" + document
                head = struct.pack("<iiii", 16 + len(content), 1, request, 2013)
            self.request.sendall(head + content)


class Kafka(Handler):
    def serve(self):
        text = lambda value: struct.pack(">h", len(value)) + value.encode()
        scram, mechanism = Scram(), "SCRAM-SHA-256" if self.server.state == "scram" else "PLAIN"
        allowed, port = self.server.state not in ("login", "scram"), self.server.server_address[1]
        while True:
            (length,) = struct.unpack(">i", self.exactly(4))
            request = self.exactly(length)
            api, version, identity = struct.unpack(">hhi", request[:8])
            (client,) = struct.unpack(">h", request[8:10])
            body = request[10 + max(client, 0):]
            if api == 18:
                rows = [(3, 0, 5), (17, 0, 1), (18, 0, 0), (36, 0, 0)]
                answer = struct.pack(">hi", 35 if version > 0 else 0, len(rows))
                answer += b"".join(struct.pack(">hhh", *row) for row in rows)
            elif api == 17:
                wanted = body[2:].decode()
                answer = struct.pack(">hi", 0 if wanted == mechanism else 33, 1) + text(mechanism)
            elif api == 36:
                token, reply = body[4:], b""
                if mechanism == "PLAIN":
                    # Some clients name an authorization identity, too.
                    good = allowed = token.split(b"\0")[1:] == [USER.encode(), PASSWORD.encode()]
                elif token.startswith(b"n,,"):
                    good, reply = True, scram.first(token.decode()).encode()
                else:
                    proof = scram.last(token.decode())
                    good, reply = proof is not None, (proof or "").encode()
                    allowed = good
                answer = struct.pack(">h", 0 if good else 58)
                answer += struct.pack(">h", -1) if good else text("Authentication failed")
                answer += struct.pack(">i", len(reply)) + reply
            elif api == 3 and allowed:
                controller = -1 if self.server.state == "starting" else 1
                answer = struct.pack(">i", 0) if version >= 3 else b""
                answer += struct.pack(">ii", 1, 1) + text("127.0.0.1") + struct.pack(">i", port)
                answer += struct.pack(">h", -1) if version >= 1 else b""
                answer += text("id") if version >= 2 else b""
                answer += struct.pack(">i", controller) if version >= 1 else b""
                answer += struct.pack(">i", 0)
            else:
                return
            self.request.sendall(struct.pack(">ii", len(answer) + 4, identity) + answer)


class Cassandra(Handler):
    def serve(self):
        text = lambda value: struct.pack(">H", len(value)) + value.encode()
        while True:
            version, _, stream, opcode, length = struct.unpack(">BBhBi", self.exactly(9))
            body = self.exactly(length)
            if version > 4:
                kind, content = 0x00, struct.pack(">i", 0x0a) + text("Invalid or unsupported protocol version (5); the lowest supported version is 3 and the greatest is 4")
            elif opcode == 0x05:
                options = {"CQL_VERSION": ["3.4.6"], "COMPRESSION": ["lz4", "snappy"]}
                content = struct.pack(">H", len(options))
                for name, values in options.items():
                    content += text(name) + struct.pack(">H", len(values)) + b"".join(map(text, values))
                kind = 0x06
            elif opcode == 0x01 and self.server.state == "starting":
                kind, content = 0x00, struct.pack(">i", 0x1002) + text("bootstrapping")
            elif opcode == 0x01 and self.server.state == "login":
                kind, content = 0x03, text("org.apache.cassandra.auth.PasswordAuthenticator")
            elif opcode == 0x0f and body[4:] == f"\0{USER}\0{PASSWORD}".encode():
                kind, content = 0x10, struct.pack(">i", -1)
            elif opcode == 0x0f:
                kind, content = 0x00, struct.pack(">i", 0x100) + text("Provided username u and/or password are incorrect")
            else:
                kind, content = 0x02, b""
            self.request.sendall(struct.pack(">BBhBi", 0x84, 0, stream, kind, len(content)) + content)


class Mysql(Handler):
    """MySQL 8 without TLS, whose cache of passwords is empty."""

    def packet(self):
        a, b, c, sequence = self.exactly(4)
        return sequence, self.exactly(a | b << 8 | c << 16)

    def reply(self, sequence, body):
        self.request.sendall(struct.pack("<I", len(body))[:3] + bytes([sequence]) + body)

    def serve(self):
        salt = bytes(range(1, 21))
        name = b"caching_sha2_password\0"
        self.reply(0, b"\x0a8.0.36\0\1\0\0\0" + salt[:8] + b"\0\xff\xf7\x2d\2\0\xff\xff\x15" + bytes(10) + salt[8:] + b"\0" + name)
        sequence, body = self.packet()
        user = body[32:body.index(b"\0", 32)].decode()
        self.reply(sequence + 1, b"\1\4")
        sequence, body = self.packet()
        if body == b"\2":
            self.reply(sequence + 1, b"\1" + open(self.server.key + ".pub", "rb").read())
            sequence, body = self.packet()
        run = subprocess.run(["openssl", "pkeyutl", "-decrypt", "-inkey", self.server.key, "-pkeyopt",
                              "rsa_padding_mode:oaep"], input=body, capture_output=True)
        password = bytes(byte ^ salt[at % 20] for at, byte in enumerate(run.stdout))
        if user == USER and password == PASSWORD.encode() + b"\0":
            self.reply(sequence + 1, b"\0\0\0\2\0\0\0")
        else:
            self.reply(sequence + 1, b"\xff\x15\x04#28000Access denied for user 'u'")
        while True:
            sequence, body = self.packet()
            if body[:1] == b"\1":
                return
            self.reply(sequence + 1, b"\0\0\0\2\0\0\0")


def ask_mysql(port, user=None, password=None):
    import pymysql

    pymysql.connect(host="127.0.0.1", port=port, user=user, password=password, connect_timeout=5).close()


def ask_mongodb(port, user=None, password=None):
    import pymongo

    login = {"username": user, "password": password, "authMechanism": "SCRAM-SHA-256"} if user else {}
    client = pymongo.MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=3000, **login)
    client.admin.command("ping")


def ask_kafka(port, user=None, password=None, mechanism="PLAIN"):
    import asyncio

    from aiokafka.client import AIOKafkaClient

    async def run():
        login = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": mechanism, "sasl_plain_username": user,
                 "sasl_plain_password": password} if user else {}
        client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=3000, **login)
        await client.bootstrap()
        brokers = len(client.cluster.brokers())
        await client.close()
        assert brokers == 1

    asyncio.run(run())


def ask_cassandra(port, user=None, password=None):
    from cassandra.auth import PlainTextAuthenticator
    from cassandra.connection import DefaultEndPoint
    from cassandra.io.asyncorereactor import AsyncoreConnection

    AsyncoreConnection.initialize_reactor()
    login = {"authenticator": PlainTextAuthenticator(user, password)} if user else {}
    connection = AsyncoreConnection.factory(DefaultEndPoint("127.0.0.1", port), 5, protocol_version=4, **login)
    connection.close()


if __name__ == "__main__":
    what, kind, *rest = sys.argv[1:]
    if what == "serve":
        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True

        server = Server(("127.0.0.1", 0), {"mongodb": Mongodb, "kafka": Kafka, "cassandra": Cassandra, "mysql": Mysql}[kind])
        server.state, _, password = rest[0].partition(":")
        PASSWORD = password or PASSWORD
        server.key = tempfile.mkdtemp() + "/key"
        if kind == "mysql":
            subprocess.run(["openssl", "genrsa", "-out", server.key, "2048"], check=True, stderr=subprocess.DEVNULL)
            subprocess.run(["openssl", "rsa", "-in", server.key, "-pubout", "-out", server.key + ".pub"], check=True,
                           stderr=subprocess.DEVNULL)
        print(server.server_address[1], flush=True)
        server.serve_forever()
    else:
        port, *login = rest
        {"mongodb": ask_mongodb, "kafka": ask_kafka, "cassandra": ask_cassandra, "mysql": ask_mysql}[kind](int(port), *login)
        print("accepted", flush=True)
        os._exit(0)
