"""A load of predictions that keeps book: what was asked when, and what was answered."""

import http.client
import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.live.stack import Stack


@dataclass(frozen=True)
class Exchange:
    """One prediction: when it was asked and answered, and what came back."""

    asked_at: float
    answered_at: float
    status: int
    x: float
    body: Any


class Load:
    """`threads` clients that predict without pause between `with` and its end."""

    def __init__(self, stack: Stack, *, threads: int, path: str = "/api/v1/predict/oracle", pause: float = 0.0) -> None:
        self._stack, self._path, self._pause = stack, path, pause
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]
        self.exchanges: list[Exchange] = []
        self.broken: list[Exception] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        client, x = self._stack.client(), float(number)
        while not self._stopping.wait(self._pause):
            x += 16.0  # whole numbers stay exact in 32 bits up to 2**24
            asked_at = time.monotonic()
            try:
                status, _, body = client.call("POST", self._path, {"instances": [[x, 0.0]]})
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(error)
                continue
            self.exchanges.append(Exchange(asked_at, time.monotonic(), status, x, body))
        client.close()
