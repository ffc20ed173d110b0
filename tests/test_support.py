"""What the tests share does what it says."""

import pytest

from tests.support import each


def test_every_record_that_fails_is_named():
    @each([{"patients": 3}, {"patients": 4}, {"patients": 5}, {}])
    def of_three(record, most):
        """So many patients."""
        assert record["patients"] <= most

    with pytest.raises(AssertionError, match="2 of 4 records") as found:
        of_three(most=4)
    assert "record 2, {'patients': 5}: AssertionError" in str(found.value)
    assert "record 3, {}: KeyError" in str(found.value)
    assert "record 1" not in str(found.value)
    assert of_three.__doc__ == "So many patients."


def test_no_records_are_an_error():
    with pytest.raises(AssertionError):
        each([])(print)()
