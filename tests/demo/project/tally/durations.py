"""Durations as people write them: `1h 30m`, `45m`, `2d`."""

import re

SECONDS = {"s": 1, "m": 60}
PART = re.compile(r"(\d+)([smhd])")


def parse(text: str) -> int:
    """Seconds in a duration such as `1h 30m`. ValueError when it is not one."""
    compact = text.replace(" ", "")
    parts = PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"not a duration: {text!r}")
    return sum(int(number) * SECONDS.get(unit, 0) for number, unit in parts)


def show(seconds: int) -> str:
    """The shortest way to write a duration: `90` is `1m 30s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    shown = [f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n]
    return " ".join(shown) or "0s"
