"""Names on an invoice."""


def initials(name: str) -> str:
    """`Ada Lovelace` is `A. L.`"""
    return " ".join(part[0].upper() + "." for part in name.split())


def by_family_name(names: list[str]) -> list[str]:
    """Sorted by the last word, then by the whole name."""
    return sorted(names, key=lambda name: (name.split()[-1], name))
