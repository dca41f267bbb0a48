"""Errors that are ours, grouped: `capture` notices them in the log, `writing` brings them to the database."""
