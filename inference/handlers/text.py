"""One string per instance."""

from inference.handlers import cells, table
from inference.handlers.answers import to_predictions
from inference.handlers.base import Arrays, Payload, Predictions
from inference.runtimes.base import RawOutput
from inference.signature import Signature


class TextHandler:
    """Takes bare strings, lists of one string, objects or columns; see `handlers.base.Handler`."""

    def count_rows(self, payload: Payload) -> int:
        return table.count_rows(payload)

    def preprocess(self, payload: Payload, signature: Signature) -> Arrays:
        texts = payload.data
        if (
            signature.text_feed
            and payload.kind == "instances"
            and type(texts) is list
            and set(map(type, texts)) == {str}
        ):
            try:
                return {signature.text_feed: cells.text_array(texts)}
            except cells.CellRefused:
                raise cells.find_offender(table.read_table(payload, signature), signature) from None
        return cells.to_feeds(table.read_table(payload, signature), signature)

    def postprocess(self, output: RawOutput, signature: Signature) -> Predictions:
        return to_predictions(output, signature)
