"""What the model is told: one code path for training and serving.

`history.of` folds what is known of a user, `matrix.rows` makes one row of numbers for each candidate. Both are pure and
take the moment as an argument, so a row for a moment of last month is the row that was made then: whoever calls them
hands over only what was known before that moment (`dataset.replay` for training, `knowledge.of` for serving).
"""
