"""What the signals that end a process do while work is in progress."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def on_signal(act: Callable[[], None]) -> Iterator[None]:
    """Inside, each signal calls `act` in the main thread, in the middle of whatever it does.

    `act` may raise, and must take no lock: the main thread may hold it. Main thread only.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda *_: act())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt_once() -> Callable[[], None]:
    """An act that raises KeyboardInterrupt the first time and lets the cleaning up be after that."""
    was_called = False

    def act() -> None:
        nonlocal was_called
        if not was_called:
            was_called = True
            raise KeyboardInterrupt

    return act
