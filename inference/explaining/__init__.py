"""Explanations: what moved an answer, and by how much. `door.explain` is the door.

`told` is what an explanation says; `plan` and `files` what is kept of a model to explain it; `columns`, `linear`,
`trees` and `words` work it out; `explainers` are opened plans and `shelf` keeps them. The door and the shelf know
Django; the rest does not, because the sandbox makes plans with it (`inference.validation.explaining`).
"""

from inference.explaining.told import Contribution, Explanation, NotExplained, RowExplanation

__all__ = ["Contribution", "Explanation", "NotExplained", "RowExplanation"]
