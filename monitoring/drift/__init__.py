"""Drift: whether what a version is asked and answers still looks like the reference."""
