"""The files that the repository ships say nothing of the machine on which they were made."""

import onnx
import pytest
from django.conf import settings

DATA = settings.BASE_DIR / "solutions" / "images" / "data"


@pytest.mark.parametrize("name", ["quality_predictor", "logo_classifier", "correlation_models"])
def test_a_shipped_network_names_no_line_of_anybodys_code(name: str) -> None:
    nodes = onnx.load(DATA / f"{name}.onnx").graph.node
    told = [node.doc_string for node in nodes] + [prop.value for node in nodes for prop in node.metadata_props]
    assert not any(".py" in text for text in told)
