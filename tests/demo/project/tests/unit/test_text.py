from tally import text


def test_slug():
    assert text.slug("Invoice 12") == "invoice-12"


def test_shorten():
    assert text.shorten("a long line", 7) == "a long…"
    assert text.shorten("short", 7) == "short"
