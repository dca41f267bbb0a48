"""The load generator against servers whose behaviour is known."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from mlplatform.benchmark import ceiling, load
from mlplatform.benchmark.link import Address, Broken, Link, render
from mlplatform.benchmark.load import Question

pytestmark = pytest.mark.django_db(databases=[])
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[[socket.socket, bytes], None]


@pytest.fixture
def server() -> Iterator[Callable[[Script], Address]]:
    """Starts a server that does for each request what the script says; connections it closes stay closed."""
    listeners = []

    def serve(client: socket.socket, script: Script) -> None:
        with client:
            while piece := client.recv(65536):
                script(client, piece)

    def accept(listener: socket.socket, script: Script) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client, script), daemon=True).start()

    def start(script: Script) -> Address:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=accept, args=(listener, script), daemon=True).start()
        return Address("127.0.0.1", listener.getsockname()[1], False, "")

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def ask_all(address: Address, **how: object) -> load.Outcome:
    question = Question(render(address, "POST", "/", body=b"{}"), lambda status, body: "" if body == b"ok" else "bad")
    return load.run(address, [question], **how)  # type: ignore[arg-type]


def test_every_good_answer_has_a_latency_and_exactly_the_count_is_asked(server: Callable[[Script], Address]) -> None:
    outcome = ask_all(server(lambda client, _: client.sendall(GOOD)), connections=4, count=101)
    assert (len(outcome.latencies_ms), outcome.asked, outcome.success_rate) == (101, 101, 1.0)
    assert min(outcome.latencies_ms) > 0


def test_an_answer_in_pieces_is_put_together(server: Callable[[Script], Address]) -> None:
    def drip(client: socket.socket, _: bytes) -> None:
        for at in range(0, len(GOOD), 7):
            client.sendall(GOOD[at : at + 7])

    assert ask_all(server(drip), connections=2, count=10).success_rate == 1.0


def test_what_the_judge_refuses_is_a_failure_without_latency(server: Callable[[Script], Address]) -> None:
    address = server(lambda client, _: client.sendall(GOOD.replace(b"ok", b"no")))
    outcome = ask_all(address, connections=2, count=6)
    assert (outcome.latencies_ms, dict(outcome.failures), outcome.success_rate) == ([], {"bad": 6}, 0.0)


def test_a_connection_that_ends_in_the_middle_is_a_failure_and_the_load_goes_on(
    server: Callable[[Script], Address],
) -> None:
    seen = []

    def hang_up_once(client: socket.socket, _: bytes) -> None:
        seen.append(1)
        client.sendall(GOOD if len(seen) != 3 else GOOD[:10])
        if len(seen) == 3:
            client.shutdown(socket.SHUT_RDWR)

    outcome = ask_all(server(hang_up_once), connections=1, count=8)
    assert (len(outcome.latencies_ms), dict(outcome.failures)) == (7, {"connection closed": 1})


def test_a_server_that_closes_after_each_answer_is_followed(server: Callable[[Script], Address]) -> None:
    def close_politely(client: socket.socket, _: bytes) -> None:
        client.sendall(GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        client.shutdown(socket.SHUT_RDWR)

    assert ask_all(server(close_politely), connections=2, count=9).success_rate == 1.0


def test_silence_is_a_timeout(server: Callable[[Script], Address]) -> None:
    outcome = ask_all(server(lambda client, _: None), connections=2, count=2, timeout=0.2)
    assert dict(outcome.failures) == {"timeout": 2}


def test_nobody_there_is_a_failure_each_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1], False, "")
    outcome = ask_all(address, connections=1, count=3)
    assert (outcome.asked, outcome.failures.total()) == (3, 3)


def test_an_answer_without_a_length_is_not_guessed(server: Callable[[Script], Address]) -> None:
    address = server(
        lambda client, _: client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    )
    link = Link(address, timeout=60.0)
    with pytest.raises(Broken, match="without a length"):
        link.ask(render(address, "GET", "/"))
    link.close()


def test_a_load_for_some_time_ends_and_tells_its_rate(server: Callable[[Script], Address]) -> None:
    shares: list[float] = []
    outcome = ask_all(
        server(lambda client, _: client.sendall(GOOD)), connections=2, seconds=0.5, on_progress=shares.append
    )
    assert outcome.asked > 2
    assert outcome.per_second == pytest.approx(outcome.asked / outcome.seconds)
    assert shares == sorted(shares)


def test_the_ceiling_of_the_generator_is_measured() -> None:
    judged = []
    rate = ceiling.requests_per_second(lambda status, body: judged.append(status) or "", connections=2, seconds=0.5)
    assert rate > 0
    assert set(judged) == {200}


@pytest.mark.parametrize(
    ("url", "authority", "prefix"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", ""),
        ("https://ml.example.org/", "ml.example.org", ""),
        ("http://[::1]:81/serving/", "[::1]:81", "/serving"),
    ],
)
def test_an_address_is_read_from_a_url(url: str, authority: str, prefix: str) -> None:
    address = Address.of(url)
    assert (address.authority, address.prefix) == (authority, prefix)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://example.org", "http://"])
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        Address.of(url)
