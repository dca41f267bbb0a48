"""What a training is given: its seed, a way to tell how far it is, and a place for steps that are done."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from solutions.errors import ExtraMissing


class Work(Protocol):
    """Handed to `training.train`. A long training keeps its steps, so that after a stop it goes on where it was."""

    seed: int

    def tell(self, done: int, of: int, what: str) -> None:
        """Say how far it is. Raises TrainingCancelled when somebody asked it to stop: call it every second or so."""

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What `make` returned the first time, also after a stop. What the bytes are is the training's own affair."""


class PlainWork:
    """A training in the foreground; `show(done, of, what)` is called as it goes on. Keeps steps in `folder`, if any."""

    def __init__(
        self, *, seed: int, show: Callable[[int, int, str], None] | None = None, folder: Path | None = None
    ) -> None:
        self.seed = seed
        self._show = show
        self._folder = folder

    def tell(self, done: int, of: int, what: str) -> None:
        if self._show is not None:
            self._show(done, of, what)

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        if self._folder is None:
            return make()
        file = self._folder / name
        if file.exists():
            return file.read_bytes()
        content = make()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = file.with_name(f"{name}.half")
        half.write_bytes(content)
        half.replace(file)
        return content


def needs(module: str, *, extra: str) -> None:
    """Raise ExtraMissing unless the library is installed."""
    if find_spec(module) is None:
        raise ExtraMissing(f"This training needs {module}: install the extra `{extra}`.", extra=extra)
