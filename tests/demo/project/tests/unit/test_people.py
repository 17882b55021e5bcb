from tally import people


def test_initials():
    assert people.initials("Ada Lovelace") == "A. L."


def test_by_family_name():
    assert people.by_family_name(["Grace Hopper", "Ada Lovelace", "Alan Turing"]) == [
        "Grace Hopper",
        "Ada Lovelace",
        "Alan Turing",
    ]


def test_same_family_name():
    assert people.by_family_name(["Joan Clarke", "Arthur Clarke"]) == ["Arthur Clarke", "Joan Clarke"]
