"""The quantisation study: what the papers report of LST-1 in fixed point, redone. `python -m model study` writes docs/study.md."""
