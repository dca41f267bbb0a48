"""How a proposition's counts grow: what is older weighs less, halving every HALF_LIFE_DAYS."""

HALF_LIFE_DAYS = 30.0


def grown(
    impressions: float, clicks: float, *, days: float, more_impressions: int, more_clicks: int
) -> tuple[float, float]:
    """The counts after `days` in which so many were added; what is added counts in full."""
    kept = 0.5 ** (max(0.0, days) / HALF_LIFE_DAYS)
    return impressions * kept + more_impressions, clicks * kept + more_clicks
