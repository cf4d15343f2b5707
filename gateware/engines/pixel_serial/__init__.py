"""The pixel-serial engine: one pixel per clock; any LST network, loaded at run time."""
