"""Words for file names and addresses."""

import re
import unicodedata


def slug(title: str) -> str:
    """`Größe & Preis` becomes `grosse-preis`."""
    plain = unicodedata.normalize("NFKD", title.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "-", plain.lower())


def shorten(line: str, width: int) -> str:
    """At most `width` characters, with an ellipsis when something was cut."""
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"
