"""Plans of explanations: what a fitted model's answers are made of, as data. In the sandbox only."""

from inference.validation.explaining.planning import of_linear_text, plan_for

__all__ = ["of_linear_text", "plan_for"]
