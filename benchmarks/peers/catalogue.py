"""The peers: what each needs to be installed, and how it is started for one model."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.workloads import COMPILED, FILES, Workload

SERVED = Path(__file__).parent / "served"
_COMMON = ("scikit-learn==1.9.1", "joblib>=1.5", "onnxruntime==1.31.1")
_FASTAPI = (*_COMMON, "fastapi==0.165.0", "uvicorn[standard]==0.54.0", "orjson==3.13.0")


@dataclass(frozen=True, slots=True)
class Start:
    """How a server is started and asked. `encoding`: instances or tensors."""

    command: list[str]
    path: str
    encoding: str
    environment: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer. `python` may name an interpreter of its own for the environment."""

    name: str
    configuration: str
    requirements: tuple[str, ...]
    distribution: str
    start: Callable[[Path, Workload, Path, int, int], Start]
    python: str = sys.executable
    environment: str = ""
    """The folder of its environment, where it isn't named as the peer is."""
    is_compiled: bool = False
    """Whether it serves the models compiled to ONNX; it is left out where there is none."""

    def serves(self, workload: Workload) -> bool:
        return not self.is_compiled or workload.model in COMPILED


def _model(data: Path, workload: Workload) -> dict[str, str]:
    return {"SERVED_MODEL": str(data / FILES[workload.model]), "PYTHONPATH": str(SERVED)}


def _fastapi(bin: Path, workload: Workload, data: Path, port: int, workers: int) -> Start:
    line = [str(bin / "uvicorn"), "fastapi_app:app", "--host", "127.0.0.1", "--port", str(port)]
    line += ["--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    return Start(line, "/predict", "instances", _model(data, workload))


def _fastapi_compiled(bin: Path, workload: Workload, data: Path, port: int, workers: int) -> Start:
    start = _fastapi(bin, workload, data, port, workers)
    start.environment["SERVED_MODEL"] = str(data / COMPILED[workload.model])
    return start


def _litserve(bin: Path, workload: Workload, data: Path, port: int, workers: int) -> Start:
    line = [str(bin / "python"), str(SERVED / "litserve_app.py"), str(port), str(workers)]
    return Start(line, "/predict", "instances", _model(data, workload))


def _mlserver(bin: Path, workload: Workload, data: Path, port: int, workers: int) -> Start:
    folder = data / "mlserver" / f"{workload.model}-{port}"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "host": "127.0.0.1", "http_port": port, "grpc_port": port + 1, "metrics_port": port + 2,
        "parallel_workers": workers, "debug": False, "logging_settings": None,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    served = {"name": "served", "implementation": "mlserver_model.Served"}
    (folder / "model-settings.json").write_text(json.dumps(served))
    line = [str(bin / "mlserver"), "start", str(folder)]
    return Start(line, "/v2/models/served/infer", "tensors", _model(data, workload))


def _triton(bin: Path, workload: Workload, data: Path, port: int, workers: int) -> Start:
    # Its batching joins what waits, so more instances than one make it slower for such models.
    line = [str(bin / "python"), str(SERVED / "triton_app.py"), str(port), "1"]
    home = data / "triton"
    home.mkdir(exist_ok=True)
    settings = {**_model(data, workload), "PYTRITON_HOME": str(home)}
    return Start(line, "/v2/models/served/infer", "tensors", settings)


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "fastapi",
            "hand-written service, uvicorn with uvloop and httptools, 2 workers, pydantic body, orjson answer",
            _FASTAPI,
            "fastapi",
            _fastapi,
        ),
        Peer(
            "fastapi-onnx",
            "the same service with the model compiled to ONNX by its author",
            _FASTAPI,
            "fastapi",
            _fastapi_compiled,
            environment="fastapi",
            is_compiled=True,
        ),
        Peer(
            "mlserver",
            "2 parallel workers, a runtime that calls the model once per request",
            # Its worker processes don't start with a newer uvloop.
            (*_COMMON, "mlserver==1.7.1", "uvloop<0.22"),
            "mlserver",
            _mlserver,
        ),
        Peer(
            "litserve", "2 workers, fast queue", (*_COMMON, "litserve==0.2.19"), "litserve", _litserve,
        ),
        Peer(
            "triton",
            "Triton through its Python front, 1 instance, dynamic batching up to 128 rows without delay",
            (*_COMMON, "nvidia-pytriton==0.7.0"),
            "nvidia-pytriton",
            _triton,
            # Its embedded interpreter wants the distribution's own Python.
            python=os.environ.get("TRITON_PYTHON", "/usr/bin/python3.11"),
        ),
    )
}  # fmt: skip
