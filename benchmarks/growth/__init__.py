"""How the platform grows: with models, rows, connections and workers; and what disturbs it."""
