"""What slow work beside them does to single predictions.

    python -m benchmarks.beside_slow_work --env var/demo.env [--seconds 8]

Against a running platform with the demo's models: the latency of single predictions from eight clients, first alone,
then while somebody reads admin pages for 300 ms of each second and a batch of 10,000 rows arrives every second. The two
phases alternate, so that both see the same machine. Prints the percentiles of both and their ratio.
"""

import argparse
import http.client
import http.cookiejar
import json
import random
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

MODEL, COLUMNS = "breast-cancer", 30
CLIENTS = 8
ROUNDS = 3


class Platform:
    """Where the platform is and how to get in."""

    def __init__(self, file: Path, url: str) -> None:
        facts = dict(line.split("=", 1) for line in file.read_text().splitlines())
        self.url, self.key = url or facts["URL"], facts["API_KEY"]
        self.email, self.password = facts["ADMIN_EMAIL"], facts["ADMIN_PASSWORD"]

    def connect(self) -> http.client.HTTPConnection:
        parts = urllib.parse.urlsplit(self.url)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def call(self, link: http.client.HTTPConnection, method: str, path: str, body: bytes) -> None:
        link.request(method, path, body, {"X-API-Key": self.key, "Content-Type": "application/json"})
        answer = link.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:200]!r}")

    def person(self) -> urllib.request.OpenerDirector:
        """A browser that is signed in."""
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = browser.open(f"{self.url}/admin/login/").read().decode()
        token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        form = {"username": self.email, "password": self.password, "csrfmiddlewaretoken": token, "next": "/admin/"}
        browser.open(f"{self.url}/admin/login/", urllib.parse.urlencode(form).encode()).read()
        return browser


def rows(count: int) -> bytes:
    data = [[random.random() * 20 for _ in range(COLUMNS)] for _ in range(count)]
    return json.dumps({"instances": data}).encode()


def singles(platform: Platform, until: float, latencies: list[float]) -> None:
    link, bodies = platform.connect(), [rows(1) for _ in range(200)]
    while (now := time.perf_counter()) < until:
        platform.call(link, "POST", f"/api/v1/predict/{MODEL}", random.choice(bodies))
        latencies.append((time.perf_counter() - now) * 1000)
        time.sleep(0.005)  # an even load, not the most there can be: waiting would hide in the clients


def pages(platform: Platform, browser: urllib.request.OpenerDirector, until: float) -> None:
    while time.perf_counter() < until:
        second = time.perf_counter() + 1
        busy = time.perf_counter() + 0.3
        while time.perf_counter() < busy:
            browser.open(f"{platform.url}/admin/registry/registeredmodel/").read()
        time.sleep(max(0.0, second - time.perf_counter()))


def batches(platform: Platform, body: bytes, until: float) -> None:
    link = platform.connect()
    while time.perf_counter() < until:
        second = time.perf_counter() + 1
        platform.call(link, "POST", f"/api/v1/predict/{MODEL}/batch", body)
        time.sleep(max(0.0, second - time.perf_counter()))


def phase(platform: Platform, seconds: float, latencies: list[float], beside: list[tuple[Any, ...]]) -> None:
    until = time.perf_counter() + seconds
    work = [threading.Thread(target=singles, args=(platform, until, latencies)) for _ in range(CLIENTS)]
    work += [threading.Thread(target=act, args=(platform, *more, until)) for act, *more in beside]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", type=Path, required=True, help="the file demo.env")
    parser.add_argument("--url", default="", help="another address than the file's")
    parser.add_argument("--seconds", type=float, default=8.0, help="each phase of each round")
    given = parser.parse_args()
    platform = Platform(given.env, given.url)
    platform.call(
        platform.connect(), "PATCH", f"/api/v1/models/{MODEL}", json.dumps({"max_batch_rows": 10_000}).encode()
    )
    slow = [(pages, platform.person()), (batches, rows(10_000))]
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(ROUNDS):
        phase(platform, given.seconds, alone, [])
        phase(platform, given.seconds, beside, slow)
    for share in (0.5, 0.9, 0.99):
        one, other = percentile(alone, share), percentile(beside, share)
        print(f"p{share * 100:g}: alone {one:.2f} ms, beside slow work {other:.2f} ms, ratio {other / one:.2f}")
    print(f"{len(alone)} and {len(beside)} predictions")


if __name__ == "__main__":
    main()
