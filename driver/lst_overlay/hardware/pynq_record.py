"""pynq's record of the bitstream that was downloaded last, by whichever process.

pynq's own `is_loaded` covers the present process only.
"""

from __future__ import annotations

import json
import os
from typing import Optional

from pynq.pl_server import global_state

# The first is the name in pynq 3.1, the second in 3.0 and 4.0.
_FILES = ("global_pl_state_.json", "global_pl_state.json")


class PynqRecord:
    """The record, compared with the path ``bitfile``.

    The driver asks it before every use of the hardware, so a file is read again only if its time stamp has
    changed.
    """

    def __init__(self, bitfile: str):
        self._bitfile = os.path.realpath(bitfile)
        self._stamps = {}

    def other_bitfile(self) -> Optional[str]:
        """The path of the bitstream that replaced ``bitfile``; None if pynq has recorded no other."""
        for name in _FILES:
            path = os.path.join(global_state.STATE_DIR, name)
            try:
                stamp = os.stat(path).st_mtime_ns
                if self._stamps.get(path, (None, None))[0] != stamp:
                    with open(path, encoding="utf-8") as file:
                        self._stamps[path] = stamp, os.path.realpath(json.load(file)["bitfile_name"])
            except (OSError, ValueError, KeyError, TypeError):  # There is no file, or it is being written.
                continue
            if self._stamps[path][1] != self._bitfile:
                return self._stamps[path][1]
        return None
