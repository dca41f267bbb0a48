"""Compiles text models that end in sums: what `inference.runtimes.linear_text` runs. In the sandbox only."""

from inference.validation.linear_text.compile import NotCovered, compile_text

__all__ = ["NotCovered", "compile_text"]
