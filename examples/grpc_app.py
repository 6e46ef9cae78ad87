"""gRPC, without generated code: a method that answers with the subject of the token."""

from concurrent.futures import ThreadPoolExecutor

import grpc

from rightkey.integrations.grpc import RightKeyInterceptor, current_token


def whoami(request: bytes, context: grpc.ServicerContext) -> bytes:
    return (current_token().subject or "").encode()


interceptor = RightKeyInterceptor("tenant.eu.auth0.com", audience="https://api.example.com")
server = grpc.server(ThreadPoolExecutor(8), interceptors=[interceptor])
method = grpc.unary_unary_rpc_method_handler(whoami)
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("example.People", {"WhoAmI": method})])

if __name__ == "__main__":
    server.add_insecure_port("127.0.0.1:50051")
    server.start()
    server.wait_for_termination()
