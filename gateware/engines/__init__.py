"""The engines, a folder each.

The `engine.py` of a folder declares the engine in ``SPECS``; `gateware.designs` finds every folder by itself.
"""
