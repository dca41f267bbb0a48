"""From scores to a list: diversity, rules for when there is no model, and reasons that people can read."""
