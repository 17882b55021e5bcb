"""Amounts in cents: never floating point."""


def split(cents: int, shares: int) -> list[int]:
    """Parts of an amount that are as equal as cents allow; they add up to it."""
    if shares < 1:
        raise ValueError("at least one share")
    return [cents // shares] * shares


def show(cents: int, currency: str = "€") -> str:
    """`-1234` is `-12.34 €`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d} {currency}"
