"""What trains in a test has one thread."""

from sklearn.utils import _openmp_helpers
from threadpoolctl import threadpool_info


def test_libraries_were_told_before_they_were_imported() -> None:
    assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert _openmp_helpers._openmp_effective_n_threads() == 1
