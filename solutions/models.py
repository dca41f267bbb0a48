"""The tables of those solutions that have some: one app, so that a solution is one line in the catalogue."""
