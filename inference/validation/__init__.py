"""Validation: may this file be served, as what, and does it answer as the original does?

No model is opened in the calling process; see `sandbox`.
"""

from inference.validation.limits import FAILURE_CODES, Limits
from inference.validation.validate import Progress, ValidationResult, sandbox_layers, validate

__all__ = ["FAILURE_CODES", "Limits", "Progress", "ValidationResult", "sandbox_layers", "validate"]
