"""What came true: feedback about predictions, how good versions were by it, and what people are asked to judge.

    giving.give(items=[items.given(prediction_id=…, label="yes")], by=user)

`giving` takes feedback, `quality` tells what it says, `reviewing` keeps the queue. Jobs: `matching`, `summing`.
"""

from monitoring.outcomes.errors import FeedbackInvalid, NothingToReview, TooMuchFeedback, WatchInvalid

__all__ = ["FeedbackInvalid", "NothingToReview", "TooMuchFeedback", "WatchInvalid"]
