"""A mail server and a web server that keep what they are sent."""

import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def mail_server() -> Iterator[tuple[int, list[tuple[list[str], Message]]]]:
    """(port, mails as (recipients, message))"""
    mails: list[tuple[list[str], Message]] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            recipients: list[str] = []
            self._say("220 ready")
            while line := self.rfile.readline().decode().strip():
                word = line.split(" ", 1)[0].upper()
                if word == "RCPT":
                    recipients.append(line.partition("<")[2].partition(">")[0])
                elif word == "DATA":
                    self._say("354 go on")
                    body = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        body += part
                    mails.append((list(recipients), email.message_from_bytes(body)))
                self._say("221 bye" if word == "QUIT" else "250 ok")
                if word == "QUIT":
                    return

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)) as server:
        yield server.server_address[1], mails


@contextmanager
def web_server(statuses: list[int] | None = None) -> Iterator[tuple[int, list[tuple[str, dict[str, str], bytes]]]]:
    """(port, calls as (path, headers, body)). Answers with `statuses` in turn, then with 200."""
    calls: list[tuple[str, dict[str, str], bytes]] = []
    waiting = list(statuses or [])

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.append((self.path, dict(self.headers), body))
            status = waiting.pop(0) if waiting else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: Any) -> None:
            return

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Receiver)) as server:
        yield server.server_address[1], calls


@contextmanager
def _serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
