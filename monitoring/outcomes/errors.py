"""What can be wrong with feedback. These errors know no HTTP."""

from typing import Any


class FeedbackInvalid(Exception):
    """A piece of feedback that can't be taken: a stable `code`, a `message`, and the `field` it is about.

    Codes: unknown_field, required, prediction_or_subject, label_or_value, not_an_id, not_an_index, not_a_label,
    not_a_value, not_a_source, label_required, value_required, unknown_label, index_out_of_range, not_answered,
    several_outputs, ambiguous_subject.
    """

    code = "feedback_invalid"

    def __init__(self, message: str, *, code: str, field: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.details = code, message, field, details


class TooMuchFeedback(Exception):
    """More items in one call than are taken at once."""

    code = "batch_too_large"

    def __init__(self, *, count: int, limit: int) -> None:
        super().__init__(f"{count} items are more than the {limit} that one call may carry.")
        self.details = {"count": count, "limit": limit}


class NothingToReview(Exception):
    """The prediction is not in the queue any more: somebody else judged it."""

    code = "not_in_queue"


class WatchInvalid(Exception):
    """A setting of what is watched that can't be taken."""

    code = "invalid"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field
