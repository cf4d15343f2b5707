"""A canvas in a notebook: what is drawn on it, or seen by a camera, reaches a function at once.

It needs ipywidgets, which PYNQ's images have, version 7 or 8, and no extension of Jupyter beside it: a script
(canvas.js) writes pictures into a hidden text area, whose value ipywidgets passes to Python.
"""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Callable

import numpy as np

from .. import html

SCRIPT = Path(__file__).with_suffix(".js")
HINT = "Draw a digit."


class Canvas:
    """A canvas and beside it what a function shows of each picture; `display` shows it in a notebook.

    show: (kind, picture) -> HTML. The kind is "ink" for a drawing, (56, 56) uint8 with 255 where ink is, and
          "photo" for a camera's picture, (H, W) uint8 grey levels. It is called while one draws, ten times a
          second at most. Of a ValueError, RuntimeError or OSError that it raises, the message is shown.

    Raises ModuleNotFoundError without ipywidgets.
    """

    def __init__(self, show: Callable[[str, np.ndarray], str]):
        try:
            import ipywidgets
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"the canvas needs {error.name}, which PYNQ's images have: pip install ipywidgets, and "
                "restart Jupyter",
                name=error.name,
            ) from None
        self._show = show
        self._name = f"lst-canvas-{uuid.uuid4().hex}"
        self._place = ipywidgets.HTML("The canvas appears here if the notebook runs in a browser.")
        self._place.add_class(f"{self._name}-place")
        self._channel = ipywidgets.Textarea(layout=ipywidgets.Layout(display="none"))
        self._channel.add_class(f"{self._name}-channel")
        self._channel.observe(self._received, "value")
        self._answer = ipywidgets.HTML(HINT)
        self._all = ipywidgets.HBox([self._place, self._answer, self._channel])

    def display(self) -> None:
        """Show canvas and answer as the output of the notebook's cell."""
        from IPython.display import HTML, display

        script = SCRIPT.read_text(encoding="utf-8").replace("@NAME@", self._name)
        display(self._all, HTML(f"<script>{script}</script>"))

    def _received(self, change) -> None:
        kind, high, wide, data = change["new"].split(" ")
        picture = np.frombuffer(base64.b64decode(data), np.uint8).reshape(int(high), int(wide))
        self._answer.value = self._shown(kind, picture)

    def _shown(self, kind: str, picture: np.ndarray) -> str:
        if kind == "ink" and not picture.any():
            return HINT
        try:
            return self._show(kind, picture)
        except (ValueError, RuntimeError, OSError) as error:
            return html.escape(str(error).splitlines()[0])
