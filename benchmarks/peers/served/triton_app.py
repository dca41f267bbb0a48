"""Triton in front of the model, with its dynamic batching: `triton_app.py PORT INSTANCES`."""

import sys
from typing import Any

import model
import numpy
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

MOST_ROWS = 128


def instance() -> Any:
    served = model.load()

    @batch
    def infer(rows: Any) -> dict[str, Any]:
        if model.IS_TEXT:
            rows = [cell.decode() for cell in rows.ravel().tolist()]
        labels, scores = served.predict(rows)
        said = (
            numpy.char.encode(numpy.asarray(labels), "utf-8") if model.IS_TEXT else numpy.asarray(labels, numpy.int64)
        )
        return {"labels": said.reshape(-1, 1), "probabilities": numpy.asarray(scores, numpy.float64)}

    return infer


def main() -> None:
    port, instances = int(sys.argv[1]), int(sys.argv[2])
    kind, width = (numpy.bytes_, 1) if model.IS_TEXT else (numpy.float32, 64) if model.IS_ONNX else (numpy.float64, 30)
    config = TritonConfig(
        http_address="127.0.0.1", http_port=port, grpc_address="127.0.0.1", grpc_port=port + 1,
        metrics_address="127.0.0.1", metrics_port=port + 2, log_verbose=0, http_thread_count=2,
    )  # fmt: skip
    with Triton(config=config) as triton:
        triton.bind(
            model_name="served",
            infer_func=[instance() for _ in range(instances)],
            inputs=[Tensor(name="rows", dtype=kind, shape=(width,))],
            outputs=[
                Tensor(name="labels", dtype=numpy.bytes_ if model.IS_TEXT else numpy.int64, shape=(1,)),
                Tensor(name="probabilities", dtype=numpy.float64, shape=(-1,)),
            ],
            config=ModelConfig(max_batch_size=MOST_ROWS, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
        )
        triton.serve()


if __name__ == "__main__":
    main()
