"""A virtual environment per peer, apart from the platform's. BENCHMARK_PEERS names a folder that has them already."""

import os
import subprocess
from pathlib import Path

from benchmarks.peers.catalogue import Peer


class NotInstalled(Exception):
    """A peer's packages could not be had."""


def binaries(peer: Peer, folder: Path) -> Path:
    """The peer's bin/ folder; installs it when it isn't there. Raises NotInstalled."""
    given = os.environ.get("BENCHMARK_PEERS")
    environment = (Path(given) if given else folder) / (peer.environment or peer.name)
    if given and not environment.exists():
        raise NotInstalled(f"{environment} does not exist")
    if not given and not (environment / "installed").exists():
        _install(peer, environment)
    return environment / "bin"


def version(peer: Peer, bin: Path) -> str:
    """The version of what is measured."""
    ask = f"from importlib.metadata import version; print(version({peer.distribution!r}))"
    done = subprocess.run([str(bin / "python"), "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _install(peer: Peer, environment: Path) -> None:
    print(f"installing {peer.name} …", flush=True)
    steps = (
        [peer.python, "-m", "venv", "--clear", str(environment)],
        [str(environment / "bin" / "python"), "-m", "pip", "install", "-q", *peer.requirements],
        [str(environment / "bin" / "python"), "-m", "compileall", "-q", str(environment / "lib")],
    )
    for number, step in enumerate(steps):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode and number < 2:
            raise NotInstalled(
                done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}"
            )
    (environment / "installed").touch()
