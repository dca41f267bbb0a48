import pytest

from accounts.retrying import retry


class Flaky:
    def __init__(self, failures):
        self.failures, self.calls = failures, 0

    def __call__(self):
        self.calls += 1
        if self.calls <= self.failures:
            raise OSError(f"attempt {self.calls}")
        return "answer"


def test_what_fails_is_tried_again_after_pauses_whose_bound_doubles():
    flaky, pauses = Flaky(3), []
    assert retry(flaky, on=OSError, first_pause=1.0, longest_pause=3.0, sleep=pauses.append) == "answer"
    assert len(pauses) == 3
    assert all(0 <= pause <= bound for pause, bound in zip(pauses, (1.0, 2.0, 3.0), strict=True))


def test_the_last_error_is_raised():
    flaky = Flaky(9)
    with pytest.raises(OSError, match="attempt 4"):
        retry(flaky, on=OSError, sleep=lambda _: None)
    assert flaky.calls == 4


def test_other_errors_are_not_tried_again():
    flaky = Flaky(1)
    with pytest.raises(OSError, match="attempt 1"):
        retry(flaky, on=ValueError, sleep=lambda _: None)


def test_what_is_to_be_cleared_up_is_cleared_before_each_new_attempt():
    cleared = []
    retry(Flaky(2), on=OSError, sleep=lambda _: None, between=lambda: cleared.append(1))
    assert len(cleared) == 2
