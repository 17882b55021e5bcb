import pytest

from tally import durations


@pytest.mark.parametrize("text, seconds", [("45s", 45), ("2m", 120), ("1m 30s", 90)])
def test_parse(text, seconds):
    assert durations.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5", "m5"])
def test_parse_refuses(text):
    with pytest.raises(ValueError):
        durations.parse(text)


def test_show():
    assert durations.show(3690) == "1h 1m 30s"
    assert durations.show(0) == "0s"
