"""The pixel-serial engine: one pixel per clock; any LST-1 network, loaded at run time."""
