"""Alerts: rules as rows, judged by a job over rollups and what processes say; history, silence, e-mail and webhooks.

`kinds` finds what is wrong, `judging` turns it into states and events, `delivery` tells people, `services` is the door
for what people do.
"""
