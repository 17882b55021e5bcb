"""Its place makes `tally` importable from the tests."""
