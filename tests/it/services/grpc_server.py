"""A gRPC server with the health protocol of grpcio-health-checking. Prints its port, then serves until killed.

Services: "" and "up" SERVING, "down" NOT_SERVING, "new" UNKNOWN; "guarded" wants the metadata `token: t0p`.
With an argument it does not have the health protocol at all."""

import sys
import time
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

Status = health_pb2.HealthCheckResponse


class Guarded(health.HealthServicer):
    def Check(self, request, context):
        if request.service == "guarded" and ("token", "t0p") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")
        if request.service == "slow":
            time.sleep(30)
        return super().Check(request, context)


server = grpc.server(futures.ThreadPoolExecutor(4))
servicer = Guarded()
for name, status in [("", Status.SERVING), ("up", Status.SERVING), ("guarded", Status.SERVING),
                     ("down", Status.NOT_SERVING), ("new", Status.UNKNOWN)]:
    servicer.set(name, status)
if len(sys.argv) == 1:
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
