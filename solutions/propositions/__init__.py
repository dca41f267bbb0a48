"""Which propositions to show a user, ranked by how likely a click is (seed 003)."""

from solutions.solution import Solution

MODEL = "propositions"
SOLUTION = Solution(
    name="propositions",
    title="Propositions",
    summary="Ranks propositions for a user by the probability of a click, with a reason for each, and learns from "
    "what users do.",
    models=(MODEL,),
)
