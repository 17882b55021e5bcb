import pytest

from tally import money


def test_split():
    assert money.split(900, 3) == [300, 300, 300]


def test_split_needs_a_share():
    with pytest.raises(ValueError):
        money.split(100, 0)


def test_show():
    assert money.show(-1234) == "-12.34 €"
