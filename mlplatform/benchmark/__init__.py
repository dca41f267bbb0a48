"""Measures a running platform as its clients see it, and judges the numbers by stated requirements."""
