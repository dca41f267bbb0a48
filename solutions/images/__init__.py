"""Images: what vectorising a logo will keep of it, what kind of logo it is, and which parameters suit it (seed 004)."""

from solutions.solution import Solution

QUALITY, FAMILY, ADVICE = "quality_predictor", "logo_classifier", "correlation_models"
FAMILIES = ("simple", "gradient", "text", "complex")
SIZE = 224
"""Width and height of what the networks see, in pixels."""

SOLUTION = Solution(
    name="images",
    title="Images",
    summary="Tells before a logo is vectorised how much of it will be kept, and what kind of logo it is.",
    models=(QUALITY, FAMILY, ADVICE),
    extras=("torch", "images-train"),
)
