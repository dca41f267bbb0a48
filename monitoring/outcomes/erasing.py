"""What an erasure means for feedback: the subject goes, and what only waits for a prediction of that subject."""

from accounts.models import User
from monitoring.outcomes.models import Feedback


def erase(*, subject: str, by: User) -> int:
    """Forget who feedback was about; how many pieces that were. What was counted stays counted."""
    about = Feedback.objects.filter(subject_id=subject)
    waiting = about.filter(prediction_id=None).delete()[0]
    return waiting + about.update(subject_id="")
