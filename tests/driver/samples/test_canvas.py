"""The notebook's canvas: what its script sends reaches the function, and what that shows is seen."""

import base64
import json
import re
import shutil
import subprocess
import sys
from html import unescape

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from lst_overlay import BusyError
from lst_overlay.samples.canvas import HINT, SCRIPT, Canvas

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
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


PAGE = """<!doctype html><body>
<div class="{name}-place">placeholder</div><div class="{name}-channel"><textarea></textarea></div>
<script>
const sent = [];
document.querySelector("textarea").addEventListener("input", event => sent.push(event.target.value));
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));
{camera}
</script>
<script>{script}</script>
<script>
(async () => {{
  await wait(300);
  const canvas = document.querySelector("canvas"), box = canvas.getBoundingClientRect();
  const [clear, camera] = document.querySelectorAll("button");
  canvas.setPointerCapture = () => 0;
  const mouse = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(kind, {{
    clientX: box.left + x * box.width, clientY: box.top + y * box.height, pointerId: 1, bubbles: true}}));
  {actions}
  const result = document.createElement("pre");
  result.id = "result";
  const text = document.querySelector(".{name}-place").innerText;
  result.textContent = JSON.stringify({{sent, text}});
  document.body.appendChild(result);
}})();
</script>"""
STROKE = """mouse("pointermove", 0.9, 0.9); mouse("pointerdown", 0.25, 0.25);
mouse("pointermove", 0.25, 0.75); mouse("pointerup", 0.25, 0.75);
mouse("pointermove", 0.75, 0.25); await wait(400);"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium")
class TestScript:
    """canvas.js in a browser, with a text area that stands for ipywidgets'."""

    @pytest.fixture
    def browse(self, tmp_path):
        """A function (actions, camera) -> what reached the text area, and the text beside the canvas."""

        def run(actions, camera=""):
            script = SCRIPT.read_text(encoding="utf-8").replace("@NAME@", "made")
            page = tmp_path / "page.html"
            page.write_text(PAGE.format(name="made", script=script, actions=actions, camera=camera))
            command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
            command += [
                f"--user-data-dir={tmp_path / 'profile'}",
                "--virtual-time-budget=20000",
                page.as_uri(),
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            result = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
            assert result, done.stdout[-2000:] + done.stderr[-2000:]
            return json.loads(unescape(result[1]))

        return run

    def ink(self, message):
        kind, high, wide, data = message.split(" ")
        return kind, np.frombuffer(base64.b64decode(data), np.uint8).reshape(int(high), int(wide))

    def test_a_stroke_is_sent_where_it_was_drawn_while_the_button_is_down(self, browse):
        kind, picture = self.ink(browse(STROKE)["sent"][-1])
        rows, columns = np.nonzero(picture > 127)
        assert kind == "ink" and picture.shape == (56, 56)
        assert abs(columns.mean() - 13.5) < 1 and abs(rows.mean() - 27.5) < 1
        assert np.ptp(columns) < 6 and 28 <= np.ptp(rows) <= 34 and picture.max() > 200

    def test_nothing_is_sent_before_something_is_drawn(self, browse):
        assert browse("await wait(500);")["sent"] == []

    def test_what_does_not_change_is_sent_once(self, browse):
        assert len(browse(STROKE + "await wait(900);")["sent"]) == 1

    def test_clear_sends_an_empty_canvas(self, browse):
        kind, picture = self.ink(browse(STROKE + "clear.click(); await wait(300);")["sent"][-1])
        assert kind == "ink" and picture.max() == 0

    def test_without_a_camera_one_line_says_why(self, browse):
        hidden = 'Object.defineProperty(navigator, "mediaDevices", {value: undefined});'
        found = browse("camera.click(); await wait(200);", hidden)
        assert "no camera: browsers allow it only on pages from localhost or by https" in found["text"]
        assert "placeholder" not in found["text"] and found["sent"] == []

    def test_a_camera_that_is_refused_is_one_line_too(self, browse):
        refusing = """Object.defineProperty(navigator, "mediaDevices", {value: {
            getUserMedia: () => Promise.reject(new Error("Permission denied"))}});"""
        assert "no camera: Permission denied" in browse("camera.click(); await wait(200);", refusing)["text"]

    def test_a_camera_sends_grey_photographs_and_is_switched_off(self, browse):
        # A canvas of one colour stands for the video, so that no camera is needed.
        orange = """let stopped = 0;
            const make = document.createElement.bind(document);
            document.createElement = kind => {
              if (kind !== "video") return make(kind);
              const video = Object.assign(make("canvas"), {width: 320, height: 160, play: () => 0});
              Object.assign(video, {videoWidth: 320, videoHeight: 160});
              video.getContext("2d").fillStyle = "rgb(200, 100, 50)";
              video.getContext("2d").fillRect(0, 0, 320, 160);
              return video;
            };
            Object.defineProperty(navigator, "mediaDevices", {value: {getUserMedia: () => Promise.resolve(
              {getTracks: () => [{stop: () => stopped++}, {stop: () => stopped++}]})}});"""
        actions = """camera.click(); await wait(1700); const during = sent.length;
            camera.click(); await wait(900); sent.push(String(during), String(stopped));"""
        *sent, during, stopped = browse(actions, orange)["sent"]
        photos, after = sent[: int(during)], sent[int(during) :]
        assert 2 <= len(photos) <= 4 and stopped == "2"
        for message in photos:
            kind, picture = self.ink(message)
            assert kind == "photo" and picture.shape == (120, 240)
            np.testing.assert_array_equal(picture, round(0.299 * 200 + 0.587 * 100 + 0.114 * 50))
        assert [self.ink(message)[0] for message in after] == ["ink"] and self.ink(after[0])[1].max() == 0

    def test_a_canvas_that_was_out_of_sight_works_as_before(self, browse):
        away = """const place = document.querySelector(".made-place");
            place.remove(); await wait(400); document.body.prepend(place);"""
        sent = browse(STROKE + away + STROKE.replace("0.25, 0.75", "0.75, 0.75"))["sent"]
        first, last = (self.ink(message)[1] > 127 for message in (sent[0], sent[-1]))
        assert len(sent) == 2 and (last & first).sum() == first.sum() < last.sum()
