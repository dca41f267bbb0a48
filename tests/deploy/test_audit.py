"""What the audit of dependencies says, and that silence is not a pass."""

from deploy import audit

CLEAN = {"name": "quiet", "version": "1.0", "vulns": []}
HURT = {"name": "leaky", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}


def test_an_advisory_fails_and_says_what_mends_it() -> None:
    status, said = audit.verdict({"dependencies": [CLEAN, HURT]}, is_strict=False)
    assert status == 1
    assert said == ["leaky 2.0: PYSEC-1 (mended in 2.1)", "2 packages audited, 1 advisories."]


def test_nothing_known_passes_and_what_was_not_asked_is_named() -> None:
    status, said = audit.verdict(
        {"dependencies": [CLEAN, {"name": "ours", "skip_reason": "not on the index"}]}, is_strict=True
    )
    assert status == 0
    assert said == ["1 packages audited, 0 advisories.", "Not audited: ours."]


def test_a_database_that_cannot_be_asked_is_no_clean_bill() -> None:
    nobody_knew = {"dependencies": [{"name": "any", "skip_reason": "not found"}]}
    for report in (None, nobody_knew):
        status, [said] = audit.verdict(report, is_strict=False)
        assert (status, "NOT AUDITED" in said) == (0, True)
        assert audit.verdict(report, is_strict=True)[0] == 2
