"""The names of the columns, in the order of the matrix, and what stands in them when nothing is known of the user."""

CONTEXTS = ("search", "home", "email")
"""Contexts with a column of their own; any other text is a context too and has none of them set."""

COLUMNS = (
    "user_impressions",
    "user_click_rate",
    "category_impressions",
    "category_click_rate",
    "category_lift",
    "category_share",
    "shown_before",
    "clicked_before",
    "hours_since_shown",
    "hours_since_seen",
    "price_distance",
    "knows_price",
    "over_budget",
    "is_interest",
    "has_interests",
    "item_click_rate",
    "item_impressions",
    "item_age_days",
    "item_price",
    *(f"context_{name}" for name in CONTEXTS),
    "hour_sin",
    "hour_cos",
    "is_weekend",
    "position",
)
AT = {name: number for number, name in enumerate(COLUMNS)}

PRIOR_RATE = 0.1
"""The click rate that is assumed before anything is known. It only has to be the same in training and serving."""
FORGET_AFTER_HOURS = 60 * 24.0
"""What is longer ago counts as never."""
