"""How fast the load generator itself is: the same load on a server that does nothing but answer."""

import select
import socket
import subprocess
import sys

from mlplatform.benchmark import load
from mlplatform.benchmark.link import Address, render
from mlplatform.benchmark.load import Question

ANSWER = b'{"model":"x","version":1,"predictions":[1],"degraded":false}'
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)


def requests_per_second(judge: load.Judge, *, connections: int, seconds: float = 0.5) -> float:
    """Answers per second that the generator takes from a server in a process of its own."""
    line = [sys.executable, "-m", "mlplatform.benchmark.ceiling"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            address = Address("127.0.0.1", int(server.stdout.readline()), False, "")
            request = render(address, "POST", "/", body=b'{"instances": [[0.0, 0.0]]}')

            def always(status: int, body: bytes) -> str:
                judge(status, body)  # it costs what it costs in a real run
                return ""

            return load.run(address, [Question(request, always)], connections=connections, seconds=seconds).per_second
        finally:
            server.stdin.close()  # which ends it


def _serve() -> None:
    """Answer whatever comes, until standard input ends. Every request is small enough to come in one piece."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    poll, clients = select.epoll(), {}
    for opened in (listener, sys.stdin):
        poll.register(opened.fileno(), select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            if number == sys.stdin.fileno():
                return
            if number == listener.fileno():
                client, _ = listener.accept()
                clients[client.fileno()] = client
                poll.register(client.fileno(), select.EPOLLIN)
            elif clients[number].recv(65536):
                clients[number].sendall(_RESPONSE)
            else:
                clients.pop(number).close()


if __name__ == "__main__":
    _serve()
