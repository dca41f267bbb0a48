"""Progress for people: a line that moves on a terminal, a line for each step elsewhere."""

from typing import Any


class Shown:
    """Call it as `archive.Progress` says."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._is_terminal, self._step = stream, stream.isatty(), ""

    def __call__(self, step: str, done: int, of: int) -> None:
        if step != self._step:
            if self._is_terminal and self._step:
                self._stream.write("")
            self._step = step
            if not self._is_terminal:
                self._stream.write(f"  {step}")
        if self._is_terminal:
            share = f"{100 * done // of} %" if of else f"{done >> 20} MiB" if done else ""
            self._stream.write(f"\r  {step} {share}   ", ending="")
