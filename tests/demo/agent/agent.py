#!/usr/bin/env python3
"""The demo's agent: a program like any other, prompt on stdin, edits in the working folder.

It knows a few mends and picks one by the issue's words; it thinks for a while, so that one can watch. One of its mends
is wrong on purpose: a factory is judged by what it does with bad work.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

PAUSE = float(os.environ.get("AGENT_PAUSE", "1"))


def say(words):
    print(words, flush=True)
    time.sleep(PAUSE)


def replace(path, old, new):
    file = pathlib.Path(path)
    text = file.read_text(encoding="utf-8")
    if old not in text:
        return False
    file.write_text(text.replace(old, new), encoding="utf-8")
    say(f"edited {path}")
    return True


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)
    say(f"edited {path}")


def hours():
    replace("tally/durations.py", 'SECONDS = {"s": 1, "m": 60}', 'SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}')
    append("tests/unit/test_durations.py", '\n\ndef test_parse_hours():\n    assert durations.parse("2h") == 7200\n')
    return ("`durations.parse` took hours and days for nothing: the table of units had no entry for them, and the sum "
            "fell back to zero.\n\nThe table now has all four units, and `tests/unit` has a test for hours.")


def slug():
    replace("tally/text.py", '    return re.sub(r"[^a-z0-9]", "-", plain.lower())',
            '    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")')
    append("tests/unit/test_text.py", '\n\ndef test_slug_has_no_double_dashes():\n    assert text.slug("a -- b") == "a-b"\n')
    return "Runs of other characters become one dash, and none is left at either end."


def split():
    replace("tally/money.py", "    return [cents // shares] * shares",
            "    part, rest = divmod(cents, shares)\n    return [part + 1] * rest + [part] * (shares - rest)")
    return "The cents that do not divide go to the first shares, one each, so the parts add up to the amount again."


def family_names():
    replace("tally/people.py", "key=lambda name: (name.split()[-1], name)", "key=lambda name: name.lower()")
    return "Names are compared in lower case now."


def nothing():
    return "`durations.parse` already refuses an empty text with `ValueError`, and `test_parse_refuses` holds it there."


MENDS = [(r"hours", hours), (r"slug", slug), (r"cent", split), (r"family", family_names), (r"empty", nothing)]


def main():
    prompt = sys.stdin.read()
    title = re.search(r"^# (.*)$", prompt, re.MULTILINE).group(1)
    say(f"reading the issue: {title}")
    mend = next((mend for word, mend in MENDS if re.search(word, title, re.IGNORECASE)), None)
    if mend is None:
        say("I do not know how to mend this.")
        return 1
    say("looking at " + ", ".join(sorted(str(path) for path in pathlib.Path("tally").glob("*.py"))))
    summary = mend()
    tests = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"], check=False)
    say(f"my own test run ended with {tests.returncode}")
    print(json.dumps({"summary": summary, "usage": {"input_tokens": len(prompt) // 4, "output_tokens": len(summary) // 4}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
