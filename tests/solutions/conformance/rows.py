"""What a line of a checklist is. A seed's checklist is a module `seed_NNN` with TITLE, SOURCE and ROWS."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a seed names: an endpoint, a field, a limit, a metric, a command, a behaviour.

    how: `met`, `differently` (then `because` says how and why) or `missing` (then it says why).
    check: where the test is that shows it, `tests/…/test_x.py::test_name`; several apart by a blank.
    """

    topic: str
    what: str
    how: str
    check: str = ""
    because: str = ""

    @property
    def checks(self) -> list[str]:
        return self.check.split()


def met(topic: str, what: str, check: str) -> Row:
    """It is as the seed says."""
    return Row(topic, what, "met", check)


def differently(topic: str, what: str, because: str, check: str = "") -> Row:
    """What the seed wants is there in another form, or with another value."""
    return Row(topic, what, "differently", check, because)


def missing(topic: str, what: str, because: str) -> Row:
    """It is not there."""
    return Row(topic, what, "missing", "", because)
