"""The attacks of docs/hostile.md that need a long run or a large dose; the others run in every test run."""

ROWS = {}
