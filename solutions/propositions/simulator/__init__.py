"""Users whose preferences are known, so that it can be shown whether a ranking learns them.

`world` holds the truth, `visits` lets the users come and click, `policies` are the rankings that are compared. The
numbers in `world` and `visits` were fixed before the first measurement; docs/solutions/propositions.md repeats them.
"""
