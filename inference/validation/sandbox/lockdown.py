"""What the sandboxed process does to itself before it looks at the artifact."""

import os
import resource
import sys
import sysconfig
from pathlib import Path

from inference.validation.sandbox import landlock, privileges, seccomp

SYSTEM_LIBRARIES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/etc/ld.so.cache")
# ONNX Runtime asks for the processor's kind, scikit-learn for the numeric libraries in its own process, PyTorch for
# random numbers.
OWN_FACTS = ("/proc/cpuinfo", "/sys/devices/system/cpu", "/proc/self/maps", "/dev/urandom")
OPEN_FILES = 256


def library_directories(own_code: str) -> list[str]:
    """Where Python, the installed libraries and this package's own code live."""
    prefixes = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    found = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), own_code]
    for entry in sys.path:
        path = Path(entry).resolve()
        if prefixes & set(path.parents):
            found.append(str(path))
    return list(dict.fromkeys(os.path.realpath(path) for path in found))


def enter(*, own_code: str, parent: int, cpu_seconds: int, require_layers: bool) -> list[str]:
    """Locks this process down for good; returns the layers that hold.

    Raises OSError when a layer is missing and `require_layers` is set. Must run before any library
    starts a thread, because Landlock holds for the calling thread and its children.
    """
    libraries = library_directories(own_code)
    privileges.drop(libraries)
    privileges.die_with(parent)
    limit_resources(cpu_seconds)
    layers = ["rlimits"]
    for name, apply in (
        ("landlock", lambda: landlock.restrict([*libraries, *SYSTEM_LIBRARIES, *OWN_FACTS])),
        ("seccomp", seccomp.install),
    ):
        try:
            apply()
            layers.append(name)
        except OSError:
            if require_layers:
                raise
    return layers


def limit_resources(cpu_seconds: int) -> None:
    """No files written, no core dumps, few descriptors, bounded processor time."""
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    _lower(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 5)  # first a signal that says why, then the end


def limit_memory(extra_bytes: int, in_use_bytes: int) -> None:
    """The address space may grow by `extra_bytes` beyond what the libraries already take."""
    _lower(resource.RLIMIT_AS, in_use_bytes + extra_bytes)


def _lower(which: int, soft: int, hard: int | None = None) -> None:
    hard = soft if hard is None else hard
    _, allowed = resource.getrlimit(which)
    if allowed != resource.RLIM_INFINITY:
        soft, hard = min(soft, allowed), min(hard, allowed)
    resource.setrlimit(which, (soft, hard))
