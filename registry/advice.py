"""What an uploader can do about a failed validation, by the failure's code."""

_RESAVE = 'Save the fitted model again with joblib.dump(model, "model.joblib") and upload that file.'
_EXPORT = "Export the model to ONNX and upload that."
_SAMPLE = "Correct the sample rows: columns, types and order must be those the model was fitted on."

_ADVICE = {
    "crashed": f"The file brought down the process that opened it. {_RESAVE}",
    "empty": _RESAVE,
    "expected_mismatch": "Compare that row with what your notebook says: either the expected predictions or the file "
    "are not the ones you meant.",
    "gave_up": "Upload the file again. If it happens again, ask the operator to read the log of the job runner.",
    "library_version": "Fit or save the model again with the versions of the libraries that run here, "
    "or export it to ONNX.",
    "memory_limit": "Make the model smaller (fewer or shallower trees, a smaller vocabulary), or ask the operator "
    "for a larger VALIDATION_MEMORY_BYTES.",
    "missing_library": "Ask the operator to install the library that is missing, or export the model to ONNX.",
    "no_predict": "Upload the fitted estimator or pipeline itself, not its parameters or a dictionary around it.",
    "not_compilable": f"{_EXPORT} Or replace the step that can’t be translated.",
    "onnx_external_data": "Save the ONNX model with its weights inside the one file.",
    "onnx_invalid": "Export the model again, and check it with onnx.checker.check_model before the upload.",
    "output_too_large": "Make the model smaller: fewer classes, a smaller vocabulary, fewer or shallower trees.",
    "parity_failed": f"Give sample rows that look like real ones. {_EXPORT}",
    "pickle_forbidden_global": f"Only what a model needs is opened from a pickle. {_RESAVE} "
    "Functions and classes of your own can’t come along.",
    "pickle_forbidden_opcode": _RESAVE,
    "sample_invalid": _SAMPLE,
    "sandbox_unavailable": _EXPORT,
    "schema_mismatch": "Give a few sample rows with the upload, or choose task and input yourself: "
    "the platform could not work out what the model takes and returns.",
    "timed_out": "Make the model smaller, or ask the operator for a larger VALIDATION_SECONDS.",
    "trailing_data": _RESAVE,
    "unknown_format": f"The content is no model this platform knows. {_RESAVE}",
    "unreadable": _RESAVE,
    "untrusted_type": "Only what a model needs is opened from a skops file. Functions and classes of your own can’t "
    "come along: use the library’s own steps, or export the model to ONNX.",
    "unsupported_op": "Export the model with standard ONNX operators only.",
}


def on(code: str) -> str:
    """What to do about a failure with this code; empty when its message says all there is."""
    return _ADVICE.get(code, "")
