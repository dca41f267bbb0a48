"""What one thread can do without HTTP: `python -m benchmarks.growth.in_process ROWS REF …` prints JSON.

`model` is the runtime alone on arrays made before; `whole` reads a JSON body and writes a JSON answer besides.
Needs the environment of the installation that has the models.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

SECONDS = 1.0


def measure(reference: str, rows: int) -> dict[str, float]:
    """Calls per second."""
    from accounts.models import User
    from inference import model_cache
    from inference.handlers import Payload
    from registry import resolver

    person = User.objects.filter(is_superuser=True).first()
    served = resolver.resolve(reference, user=person)
    loaded = model_cache.load(served)
    assert served.golden is not None
    known = served.golden["instances"]
    asked = [known[number % len(known)] for number in range(rows)]
    body = json.dumps({"instances": asked}).encode()
    feeds = loaded.handler.preprocess(Payload("instances", asked), loaded.signature)
    return {
        "model": _rate(lambda: loaded.model.predict(feeds)),
        "whole": _rate(lambda: _whole(loaded, body)),
    }


def _whole(loaded: Any, body: bytes) -> bytes:
    import orjson

    from inference.handlers import Payload

    payload = Payload("instances", orjson.loads(body)["instances"])
    output = loaded.model.predict(loaded.handler.preprocess(payload, loaded.signature))
    said = loaded.handler.postprocess(output, loaded.signature)
    return orjson.dumps({"predictions": said.predictions, "probabilities": said.probabilities})


def _rate(act: Callable[[], Any]) -> float:
    for _ in range(20):
        act()
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < SECONDS:
        act()
        count += 1
    return count / passed


if __name__ == "__main__":
    import django

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
    django.setup()
    found = {reference: measure(reference, int(sys.argv[1])) for reference in sys.argv[2:]}
    print(json.dumps(found))
