"""Proxies in processes of their own, so that the load's own work does not slow down what passes through them."""

import subprocess
import sys
from typing import Any

from tests.fault_proxy import FaultProxy
from tests.live.stack import ROOT


class Way:
    """A `FaultProxy` at arm's length: the same words, each acknowledged."""

    def __init__(self, target_port: int) -> None:
        line = [sys.executable, "-m", "tests.faults.ways", str(target_port)]
        self._process = subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._say("mend"))

    def cut(self) -> None:
        """As `FaultProxy.cut`."""
        self._say("cut")

    def mend(self) -> None:
        """As `FaultProxy.mend`."""
        self._say("mend")

    def delay(self, seconds: float) -> None:
        """Hold up each piece for so long."""
        self._say(f"delay {seconds}")

    def swallow(self) -> None:
        """Be a black hole."""
        self._say("swallow")

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate()

    def _say(self, words: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(words + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


def _obey(proxy: FaultProxy, word: str, value: str) -> None:
    if word == "cut":
        proxy.cut()
    elif word == "mend":
        proxy.mend()
    elif word == "delay":
        proxy.latency_seconds = float(value)
    elif word == "swallow":
        proxy.is_black_hole = True


def main(arguments: list[str], lines: Any = sys.stdin) -> None:
    """Do what the lines say until there are no more."""
    proxy = FaultProxy(int(arguments[0]))
    for line in lines:
        word, _, value = line.strip().partition(" ")
        _obey(proxy, word, value)
        print(proxy.port, flush=True)  # noqa: T201 (the acknowledgement)
    proxy.cut()


if __name__ == "__main__":
    main(sys.argv[1:])
