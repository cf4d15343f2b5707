"""The notebook's canvas: what its script sends reaches the function, and what that shows is seen."""

import base64
import shutil
import subprocess
import sys

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from lst_overlay import BusyError
from lst_overlay.samples.canvas import HINT, SCRIPT, Canvas

INK = np.arange(56 * 56, dtype=np.uint8).reshape(56, 56)


def send(made, kind, picture):
    """Put a message into the text area as the script does."""
    data = base64.b64encode(picture.tobytes()).decode()
    made._channel.value = f"{kind} {picture.shape[0]} {picture.shape[1]} {data}"


@pytest.fixture
def received():
    """(canvas, list): a canvas, and what its function was called with."""
    calls = []

    def show(kind, picture):
        calls.append((kind, picture))
        return f"<b>{kind}</b>"

    return Canvas(show), calls


@pytest.mark.parametrize("kind, picture", [("ink", INK), ("photo", INK[:30, :40])])
def test_a_picture_reaches_the_function_and_its_html_is_shown(received, kind, picture):
    made, calls = received
    send(made, kind, picture)
    ((found, pixels),) = calls
    assert found == kind and made._answer.value == f"<b>{kind}</b>"
    np.testing.assert_array_equal(pixels, picture)


def test_an_empty_canvas_shows_the_hint_and_asks_nobody(received):
    made, calls = received
    send(made, "ink", INK)
    send(made, "ink", np.zeros((56, 56), np.uint8))
    assert len(calls) == 1 and made._answer.value == HINT


@pytest.mark.parametrize("error", [ValueError, OSError, BusyError])
def test_the_message_of_a_refusal_is_shown_as_text(error):
    def refuse(kind, picture):
        raise error("no <b>digit</b> in the picture\nand more")

    made = Canvas(refuse)
    send(made, "photo", INK)
    assert made._answer.value == "no &lt;b&gt;digit&lt;/b&gt; in the picture"


def test_a_fault_of_the_function_is_not_hidden():
    made = Canvas(lambda kind, picture: picture.no_such_thing)
    with pytest.raises(AttributeError):
        send(made, "ink", INK)


def test_the_script_finds_the_widgets_of_its_own_canvas(received, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *things: shown.extend(things))
    made, other = received[0], Canvas(lambda *_: "")
    made.display()
    box, script = shown
    assert {made._place, made._answer, made._channel} == set(box.children)
    text = DisplayFormatter().format(script)[0]["text/html"]
    assert f'"{made._name}"' in text and "@NAME@" not in text and other._name not in text
    for widget, use in ((made._place, "place"), (made._channel, "channel")):
        assert f"{made._name}-{use}" in widget._dom_classes and f'"-{use}' in text.replace(" textarea", "")


@pytest.mark.skipif(shutil.which("node") is None, reason="node checks the script")
def test_the_script_is_javascript():
    done = subprocess.run(["node", "--check", str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_ipywidgets_one_line_says_what_to_install():
    code = "import sys; sys.modules['ipywidgets'] = None; from lst_overlay.samples.canvas import Canvas; "
    done = subprocess.run([sys.executable, "-c", code + "Canvas(print)"], capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert last.endswith(
        "the canvas needs ipywidgets, which PYNQ's images have: pip install ipywidgets, and restart Jupyter"
    )
