"""What else happens while predictions are asked: a person turning pages of the admin, and large batches."""

import http.cookiejar
import json
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from statistics import median
from types import TracebackType

PAGE_SECONDS = 0.3
"""Pages are turned until this much of each second was spent in waiting for them."""
PAGES = ("/admin/", "/admin/dashboard", "/admin/registry/registeredmodel/")


class Reader:
    """A signed-in person with a browser's cookies."""

    def __init__(self, port: int, email: str, password: str) -> None:
        self._base = f"http://127.0.0.1:{port}"
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        form = self._get("/admin/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token, "the sign-in form has a token"
        said = {"username": email, "password": password, "csrfmiddlewaretoken": token[1], "next": "/admin/"}
        request = urllib.request.Request(
            self._base + "/admin/login/", data=urllib.parse.urlencode(said).encode(), headers={"Referer": self._base}
        )
        with self._opener.open(request, timeout=60) as answer:
            assert answer.url.rstrip("/") == f"{self._base}/admin", f"not signed in: {answer.url}"

    def read_for_a_while(self) -> list[float]:
        """Turn pages until PAGE_SECONDS have gone; milliseconds of each."""
        times: list[float] = []
        while sum(times) < PAGE_SECONDS * 1000:
            started = time.perf_counter()
            self._get(PAGES[len(times) % len(PAGES)])
            times.append((time.perf_counter() - started) * 1000)
        return times

    def _get(self, path: str) -> str:
        with self._opener.open(self._base + path, timeout=60) as answer:
            return str(answer.read().decode())


def batch(port: int, key: str, reference: str, rows: list[object]) -> Callable[[], list[float]]:
    """A function that sends these rows as one request; milliseconds it took."""
    body = json.dumps({"instances": rows}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/predict/{reference}/batch", data=body,
        headers={"X-API-Key": key, "Content-Type": "application/json"},
    )  # fmt: skip

    def send() -> list[float]:
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
        return [(time.perf_counter() - started) * 1000]

    return send


class EverySecond:
    """Inside the block, does each of `acts` once a second, each in a thread of its own."""

    def __init__(self, *acts: Callable[[], list[float]]) -> None:
        self._ending = threading.Event()
        self._times: list[list[float]] = [[] for _ in acts]
        self._threads = [
            threading.Thread(target=self._repeat, args=(act, times), daemon=True)
            for act, times in zip(acts, self._times, strict=True)
        ]

    def medians_ms(self) -> list[float]:
        """How long each of the acts took."""
        return [median(times) if times else 0.0 for times in self._times]

    def __enter__(self) -> "EverySecond":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _repeat(self, act: Callable[[], list[float]], times: list[float]) -> None:
        due = time.perf_counter()
        while not self._ending.wait(max(0.0, due - time.perf_counter())):
            due += 1.0
            times += act()
