"""Finds card transactions that stand out, by an isolation forest or by trees that learnt from labelled fraud."""

from solutions.solution import Solution

FOREST, BOOSTED = "anomalies", "anomalies-boosted"

SOLUTION = Solution(
    name="anomalies",
    title="Anomalies",
    summary="Finds card transactions that stand out and says what about them does, by two detectors that are compared.",
    models=(FOREST, BOOSTED),
)
