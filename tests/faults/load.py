"""A load that does not wait: requests leave at a fixed rate, whether the ones before were answered or not.

A stall of the platform is then seen by every request that came meanwhile, and not only by one.
"""

import asyncio
import json
import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

DEADLINE_SECONDS = 2.0
"""An answer that takes longer counts as none."""
_GIVE_UP_SECONDS = 12.0
PREDICTIONS = ("predict", "token", "batch", "second", "slow", "paced")
# Twenty requests: 80 % predict with a key (one of two models), 10 % with a token, 5 % batches, 5 % admin reads.
MIX = ("read", "batch", "token", "token", "second", "second", *("predict",) * 14)


@dataclass(slots=True)
class Exchange:
    """One request. Times are of `time.monotonic`; `status` 0: no answer came. `x` is the first row's input."""

    number: int
    kind: str
    began: float
    x: float = 0.0
    ended: float = 0.0
    status: int = 0
    body: Any = None
    problem: str = ""

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def is_prediction(self) -> bool:
        return self.kind in PREDICTIONS

    @property
    def version(self) -> int:
        return int(self.body["version"])

    @property
    def model(self) -> str:
        return self.kind if self.kind in ("second", "slow", "paced") else "oracle"


@dataclass(frozen=True)
class Target:
    """Where the load goes. `offsets`: what the models named add to x, less the number of their version."""

    port: int
    key: str
    token: str = ""
    offsets: dict[str, float] = field(default_factory=dict)


def failure(exchange: Exchange, target: Target) -> str:
    """Why an exchange is a failure; empty when it is none."""
    if exchange.status != 200:
        code = exchange.body.get("error", {}).get("code", "") if isinstance(exchange.body, dict) else ""
        return f"{exchange.status or 'no answer'} {code or exchange.problem}".strip()
    if exchange.seconds > DEADLINE_SECONDS:
        return "late"
    if exchange.is_prediction:
        rows = 5 if exchange.kind == "batch" else 1
        first = exchange.x + target.offsets[exchange.model] + exchange.version
        if exchange.body["predictions"] != [first + row for row in range(rows)]:
            return "wrong value"
    return ""


class Load:
    """Requests at `rate` per second between `with` and its end; the last ones are waited for."""

    def __init__(self, target: Target, *, rate: float, mix: tuple[str, ...] = MIX) -> None:
        self.target, self.rate, self.mix = target, rate, mix
        self.exchanges: list[Exchange] = []
        self.in_flight = 0
        self.behind_seconds = 0.0
        """How late a request left at most. Where that is much, the load's own queue was measured."""
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait for what is on its way."""
        self._stopping.set()
        self._thread.join()

    def between(self, began: float, ended: float) -> list[Exchange]:
        """What was asked in that time."""
        return [one for one in self.exchanges if began <= one.began < ended]

    async def _run(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        number = 0
        while not self._stopping.is_set():
            due = self.began + number / self.rate
            # Also when there is nothing to wait for: what is on its way must get its turn.
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._exchange(number, due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        if tasks:
            await asyncio.wait(tasks)
        for _, writer in self._idle:
            writer.close()

    async def _exchange(self, number: int, due: float = math.inf) -> None:
        self.behind_seconds = max(self.behind_seconds, time.monotonic() - due)
        kind = self.mix[number % len(self.mix)]
        # Whole numbers stay exact in 32 bits; those of the slow model come again, so that its answers are remembered.
        exchange = Exchange(
            number, kind, time.monotonic(), x=float(number % 40 if kind == "slow" else number % 100_000)
        )
        self.in_flight += 1
        try:
            await asyncio.wait_for(self._ask(exchange), _GIVE_UP_SECONDS)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            exchange.problem = type(error).__name__
        self.in_flight -= 1
        exchange.ended = time.monotonic()
        self.exchanges.append(exchange)

    async def _ask(self, exchange: Exchange) -> None:
        reader, writer = await self._connection()
        try:
            writer.write(_request(self.target, exchange))
            await writer.drain()
            exchange.status, exchange.body, stays = await _answer(reader)
        except BaseException:
            writer.close()
            raise
        if stays:
            self._idle.append((reader, writer))
        else:
            writer.close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.target.port)


def _request(target: Target, exchange: Exchange) -> bytes:
    credential = f"Authorization: Bearer {target.token}" if exchange.kind == "token" else f"X-API-Key: {target.key}"
    if exchange.kind == "read":
        line, body = "GET /api/v1/models", b""
    else:
        rows = 5 if exchange.kind == "batch" else 1
        line = f"POST /api/v1/predict/{exchange.model}"
        body = json.dumps({"instances": [[exchange.x + row, 0.0] for row in range(rows)]}).encode()
    head = [f"{line} HTTP/1.1", "Host: 127.0.0.1", credential, f"X-Request-ID: fault-{exchange.number}"]
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*head, "", ""]).encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, Any, bool]:
    """Status, parsed body, and whether the connection stays."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines if one)}
    content = await reader.readexactly(int(headers["content-length"]))
    is_json = headers.get("content-type", "").startswith("application/json")
    return (
        int(line.split(" ")[1]),
        json.loads(content) if is_json else None,
        headers.get("connection", "").lower() != "close",
    )


def capacity(target: Target, *, seconds: float = 3.0, clients: int = 16, mix: tuple[str, ...] = MIX) -> float:
    """Requests per second that so many clients get answered who each wait for the last answer."""

    async def run() -> int:
        load, until, done = Load(target, rate=1.0, mix=mix), time.monotonic() + seconds, 0

        async def client(number: int) -> None:
            nonlocal done
            while time.monotonic() < until:
                await load._exchange(number)
                number += clients
                done += 1

        await asyncio.gather(*(client(number) for number in range(clients)))
        assert all(one.status == 200 for one in load.exchanges), {one.status for one in load.exchanges}
        for _, writer in load._idle:
            writer.close()
        return done

    return asyncio.run(run()) / seconds


def quantile(exchanges: list[Exchange], share: float) -> float:
    """Milliseconds within which that share of the answers came; 0 for none."""
    took = sorted(one.seconds for one in exchanges if one.status)
    return took[min(len(took) - 1, int(share * len(took)))] * 1000 if took else 0.0
