"""Tells what somebody wants who writes to a bank's assistant: one of twelve intents, or nothing of the kind."""

from solutions.solution import Solution

MODEL = "intents"

SOLUTION = Solution(
    name="intents",
    title="Intents",
    summary="Tells in English and German what a bank's customer wants: one of twelve intents, or something else.",
    models=(MODEL,),
)
