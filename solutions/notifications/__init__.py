"""Sorts short notifications into classes and says how each should be shown: at once, with sound, later, silently."""

from solutions.solution import Solution

MODEL = "notifications"

SOLUTION = Solution(
    name="notifications",
    title="Notifications",
    summary="Sorts short notifications in English, German and Spanish into eight classes, and says how to show each.",
    models=(MODEL,),
)
