"""Ready-made applications on the doors of the apps before this one. `catalogue` has their table."""
