"""Serving a saved estimator the way a user would: upload it to a running platform, then call its version."""

import json
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from inference.errors import ValidationFailed

MAX_ROWS = 100


class Platform:
    """A running platform and a key with the scopes upload, read and predict."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url.rstrip("/"), key

    def upload(self, artifact: Path, *, name: str, trusted: bool) -> dict[str, Any]:
        """Upload, wait for the verdict, return the version's page. Raises ValidationFailed as the platform says."""
        boundary = uuid.uuid4().hex
        fields = {"name": name, **({"trusted": "true"} if trusted else {})}
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
            for field, value in fields.items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{artifact.name}"\r\n\r\n'
        body = b"".join([*parts, head.encode(), artifact.read_bytes(), f"\r\n--{boundary}--\r\n".encode()])
        try:
            answer = self._call(
                "POST", "/api/v1/models/upload?wait=300", body, f"multipart/form-data; boundary={boundary}"
            )
        except urllib.error.HTTPError as refusal:
            error = json.load(refusal)["error"]
            raise ValidationFailed(error["code"], error["message"]) from refusal
        page: dict[str, Any] = self._call("GET", answer["url"])
        return page

    def predict(self, reference: str, rows: list[Any]) -> tuple[list[Any], list[Any] | None]:
        """The answers to `rows`, asked in batches the platform accepts."""
        predictions: list[Any] = []
        probabilities: list[Any] = []
        for at in range(0, len(rows), MAX_ROWS):
            body = json.dumps({"instances": rows[at : at + MAX_ROWS], "use_cache": False}).encode()
            said = self._call("POST", f"/api/v1/predict/{reference}", body, "application/json")
            predictions += said["predictions"]
            probabilities += said["probabilities"] or []
        return predictions, probabilities or None

    def _call(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Any:
        headers = {"X-API-Key": self._key, **({"Content-Type": content_type} if content_type else {})}
        request = urllib.request.Request(self._url + path, data=body, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=330) as answer:
            return json.load(answer)
