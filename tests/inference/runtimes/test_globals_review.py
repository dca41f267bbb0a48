"""The list of what files may name is read by people whenever a library changes it."""

from inference.runtimes import globals_review


def test_the_reviewed_list_is_what_the_rules_admit() -> None:
    listed = set(globals_review.LIST.read_text(encoding="utf-8").splitlines())
    admitted = set(globals_review.render().splitlines())
    assert sorted(admitted - listed) == [], "new: read these, then run `make allowed-globals`"
    assert sorted(listed - admitted) == [], "gone: run `make allowed-globals`"


def test_nothing_on_it_starts_programs_or_reads_files() -> None:
    names = [line.split()[1] for line in globals_review.LIST.read_text(encoding="utf-8").splitlines()[1:]]
    assert len(names) > 300
    assert {"eval", "exec", "open", "getattr", "system", "load", "import_module"}.isdisjoint(names)
