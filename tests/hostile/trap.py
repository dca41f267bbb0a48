"""What a hostile file would do if it could: write a file, call a listener. Both are watched."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.inference.validation.hostile import Calls


@dataclass(slots=True)
class Trap:
    """canary: the file that must not appear. port: where nobody may call. calls: who did."""

    canary: Path
    port: int
    calls: list[str] = field(default_factory=list)

    def script(self) -> str:
        """Python that tries everything, whatever fails."""
        return (
            "import os, socket\n"
            f"for attempt in (lambda: open({str(self.canary)!r}, 'w').close(),\n"
            f"                lambda: os.system('touch {self.canary}'),\n"
            f"                lambda: socket.create_connection(('127.0.0.1', {self.port}), 1).close()):\n"
            "    try: attempt()\n"
            "    except BaseException: pass\n"
        )

    def runs(self) -> Calls:
        """Pickles as the running of the script."""
        return Calls(exec, self.script(), {})

    def is_untouched(self) -> bool:
        return not self.canary.exists() and not self.calls


@contextlib.contextmanager
def armed(folder: Path) -> Iterator[Trap]:
    """A trap whose listener is listening."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        trap = Trap(folder / "canary", listener.getsockname()[1])

        def listen() -> None:
            while True:
                try:
                    caller, address = listener.accept()
                except OSError:
                    return
                trap.calls.append(str(address))
                caller.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield trap
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(timeout=5)
