"""An MLServer runtime around the model: outputs `labels` and `probabilities`."""

import model
import numpy
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Served(MLModel):
    async def load(self) -> bool:
        self._served = model.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        tensor = payload.inputs[0]
        rows = StringCodec.decode_input(tensor) if model.IS_TEXT else NumpyCodec.decode_input(tensor)
        labels, scores = self._served.predict(rows)
        if isinstance(labels[0], str):
            told = StringCodec.encode_output("labels", labels)
        else:
            told = NumpyCodec.encode_output("labels", numpy.asarray(labels))
        outputs = [told, NumpyCodec.encode_output("probabilities", numpy.asarray(scores))]
        return InferenceResponse(model_name=self.name, outputs=outputs)
