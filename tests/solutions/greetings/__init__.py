"""A sixth solution, made by the recipe in CONTRIBUTING: is a greeting formal or casual?"""

from solutions.solution import Solution

SOLUTION = Solution(
    name="greetings",
    title="Greetings",
    summary="Tells formal greetings from casual ones.",
    models=("greetings",),
)
