"""The quantisation study repeats what the papers report of LST-1 in fixed point: `python -m model study`."""
