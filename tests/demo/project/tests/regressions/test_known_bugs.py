"""One test a known bug; each was reported as an issue."""

from tally import durations, money, people, text


def test_hours_and_days_count():
    assert durations.parse("2h 30m") == 9000
    assert durations.parse("1d") == 86400


def test_slug_has_no_empty_words():
    assert text.slug("Größe & Preis!") == "grosse-preis"


def test_split_loses_no_cent():
    assert sum(money.split(1000, 3)) == 1000
    assert money.split(1000, 3) == [334, 333, 333]


def test_family_names_sort_whatever_their_case():
    assert people.by_family_name(["Grace Hopper", "bell hooks"]) == ["bell hooks", "Grace Hopper"]
