"""What is said about releases that differ."""

from importlib.metadata import version

from inference.validation.versions import changed_since, differences, release


def test_patch_releases_and_builds_are_the_same_release():
    assert release("2.13.0+cpu") == release("2.13.4") != release("2.14.0")
    assert differences({"torch": "2.13.0+cu132"}, {"torch": "2.13.1+cpu"}) == []


def test_another_minor_release_is_named_with_both_sides():
    assert differences({"torch": "2.9.1", "unknown": "1"}, {"torch": "2.13.0"}) == [
        "The model was made with torch 2.9.1; this platform has 2.13.0."
    ]


def test_a_native_runtime_is_compared_with_what_validated_the_model():
    ours = version("scikit-learn")
    assert changed_since({"scikit-learn": ours}, "sklearn") == []
    assert changed_since({"scikit-learn": "0.1.0"}, "sklearn") == [
        f"It was validated with scikit-learn 0.1.0; this process has {ours}."
    ]
    assert changed_since({"scikit-learn": "0.1.0"}, "onnx") == []
    assert changed_since({}, "torchscript") == []
