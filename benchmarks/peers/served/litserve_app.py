"""LitServe with one model per worker: `litserve_app.py PORT WORKERS`."""

import sys
from typing import Any

import litserve
import model


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.served = model.load()

    def decode_request(self, request: dict[str, Any]) -> Any:
        return request["instances"]

    def predict(self, rows: Any) -> dict[str, Any]:
        return model.answer(self.served, rows)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=int(sys.argv[2]), fast_queue=True)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, generate_client_file=False
    )
