"""A whole serving process with a migrated database of its own: upload, activate, start, predict; says what it imported.

Arguments: a question file (runtime, signature, task, handler, instances, golden, heavy), the upload, the compiled form.
"""

import json
import sys
from pathlib import Path

import mlplatform.wsgi  # noqa: F401 - sets Django up, as a server would
from accounts.models import User
from accounts.principal import Principal
from inference import process
from inference.handlers import Payload
from inference.predictor import Question, predict
from registry import services


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text())
    root = User.objects.create_superuser("root@example.org", "correct horse battery")
    with Path(sys.argv[2]).open("rb") as file:
        services.upload_version(by=root, name="toy", file=file)
    version = services.claim_for_validation(seconds=60, max_attempts=3)
    assert version is not None
    version = services.mark_ready(
        version=version,
        task=asked["task"],
        handler=asked["handler"],
        compiled=Path(sys.argv[3]).read_bytes(),
        runtime=asked["runtime"],
        signature=asked["signature"],
        golden=asked["golden"],
        memory_bytes=1,
    )
    services.activate(version=version, by=root)
    process.start()
    try:
        answer = predict(
            principal=Principal(root),
            reference="toy",
            read=lambda: Question(Payload("instances", asked["instances"])),
            request_id="1",
        )
    finally:
        process.stop()
    imported = sorted(set(asked["heavy"]) & set(sys.modules))
    sys.stdout.write(json.dumps([answer.predictions.predictions, imported]))


main()
