"""The command `python -m lst_overlay`: its text, its JSON and its exit status."""

import dataclasses
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lst_overlay import LST1Overlay
from lst_overlay import __main__ as command
from lst_overlay.network import classify, load_network, logits, save_network
from lst_overlay.samples import digits as sample_digits
from lst_overlay.samples.shipped_networks import find
from lst_overlay.samples.thing import image_of
from tests.boards.fake import RESMLP_ARRAY, FakeBoard
from tests.driver.conftest import array_bitstream, write_bitstream
from tests.driver.network.lst.chains import chain_network
from tests.driver.network.resmlp.array_networks import random_array_network


@pytest.fixture
def board(tmp_path, monkeypatch):
    """(device, arguments): a fake board, made the active one, and the arguments that name its bitstream."""
    device = FakeBoard([load_network(find("lst1_digits"))])
    monkeypatch.setattr("lst_overlay.overlay.default_device", lambda: device)
    return device, ["--bitfile", str(write_bitstream(tmp_path)), "--network", "lst1_digits"]


def run(capsys, *arguments):
    """Run the command and return its exit status, standard output and standard error."""
    status = command.main([str(argument) for argument in arguments])
    return (status, *capsys.readouterr())


def test_info(board, capsys):
    status, text, _ = run(capsys, "info", *board[1])
    assert status == 0 and "pixel_serial" in text and "lst1_digits" in text
    figures = json.loads(run(capsys, "info", "--json", *board[1])[1])
    assert (
        figures["engine"] == "pixel_serial"
        and figures["fclk_mhz"] == 200.0
        and figures["build_hash"] == "0x1234ABCD"
    )


def test_self_test_says_what_is_wrong_and_fails(board, capsys):
    assert run(capsys, "self-test", *board[1])[0] == 0
    answers = board[0].answers
    board[0].answers = lambda network, images: answers(network, images) + (images[:, :1] > 128)
    status, text, _ = run(capsys, "self-test", *board[1])
    assert status == 1 and "our bug" in text
    assert re.search(
        r"FAILED  logits: \d+ of 164 images differ \(must be 0: equal to the integer reference\)", text
    )
    status, text, _ = run(capsys, "self-test", "--json", *board[1])
    figures = json.loads(text)
    assert (
        status == 1
        and not figures["passed"]
        and [check["name"] for check in figures["checks"] if not check["passed"]] == ["logits"]
    )


def test_classify_answers_each_picture(board, capsys, tmp_path):
    images, labels = sample_digits.load("digits")
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file, image in zip(files, images):
        Image.fromarray(255 - np.pad(image, 5)).resize((380, 380)).save(file)
    status, text, _ = run(capsys, "classify", *files, *board[1])
    assert status == 0 and [int(line.split(": ")[1][0]) for line in text.splitlines()] == labels[:3].tolist()
    answers = json.loads(run(capsys, "classify", "--json", *files, *board[1])[1])["images"]
    assert [answer["digit"] for answer in answers] == labels[:3].tolist() and len(
        answers[0]["probabilities"]
    ) == 10


def test_classify_names_the_class_as_the_network_file_does(monkeypatch, capsys, tmp_path):
    names = ["nought", *"123456789"]
    network = dataclasses.replace(
        load_network(find("lst1_digits")), provenance={"class_names": names, "dataset": "my.npz"}
    )
    save_network(network, tmp_path / "named.npz")
    monkeypatch.setattr("lst_overlay.overlay.default_device", lambda: FakeBoard([network]))
    images, labels = sample_digits.load("digits")
    Image.fromarray(255 - np.pad(images[labels == 0][0], 5)).resize((380, 380)).save(tmp_path / "0.png")
    arguments = ["--bitfile", write_bitstream(tmp_path), "--network", tmp_path / "named.npz"]
    status, text, _ = run(capsys, "classify", tmp_path / "0.png", *arguments)
    assert status == 0 and f"{tmp_path / '0.png'}: nought (" in text
    (answer,) = json.loads(run(capsys, "classify", "--json", tmp_path / "0.png", *arguments)[1])["images"]
    assert (answer["digit"], answer["class"]) == (0, "nought")
    bar = np.full((40, 90), 230, np.uint8)  # no digit, but perhaps one of these classes
    bar[15:25, 10:80] = 20
    Image.fromarray(bar).save(tmp_path / "minus.png")
    assert run(capsys, "classify", tmp_path / "minus.png", *arguments)[0] == 0


def test_classify_converts_pictures_to_the_shape_of_the_network(tmp_path):
    network = chain_network(1, (24, 24), [(24, 24)], 3)
    network = dataclasses.replace(network, provenance={"class_names": ["A", "B", "C"]})
    bar = np.full((40, 90), 230, np.uint8)
    bar[15:25, 10:80] = 20
    Image.fromarray(bar).save(tmp_path / "bar.png")
    converted = command._converted(str(tmp_path / "bar.png"), network)
    np.testing.assert_array_equal(converted, image_of(bar, (24, 24)))


def test_classify_names_the_pictures_without_a_digit_and_answers_the_others(board, capsys, tmp_path):
    images, labels = sample_digits.load("digits")
    files = [tmp_path / name for name in ("blank.png", "missing.png", "digit.png")]
    Image.new("L", (90, 90), 200).save(files[0])
    Image.fromarray(255 - np.pad(images[0], 5)).resize((380, 380)).save(files[2])
    status, text, error = run(capsys, "classify", *files, *board[1])
    assert status == 1 and text.startswith(f"{files[2]}: {labels[0]} ")
    assert [line.split(": ")[0] for line in error.splitlines()] == ["error", "error"]
    assert f"{files[0]}: no digit" in error
    assert f"error: {files[1]}: No such file or directory\n" in error
    status, text, _ = run(capsys, "classify", "--json", *files, *board[1])
    answers = json.loads(text)["images"]
    assert status == 1 and [answer["image"] for answer in answers] == [str(file) for file in files]
    assert "no digit" in answers[0]["error"] and answers[2]["digit"] == labels[0]


def test_benchmark_has_a_row_for_each_batch_size(board, capsys):
    status, text, progress = run(capsys, "benchmark", "--batch-size", 1, "--batch-size", 20, *board[1])
    assert status == 0 and "cycles / fclk (simulated)" in text
    assert [line.split()[0] for line in text.splitlines()[:3]] == ["batch", "1", "20"]
    assert "batch of 20 ..." in progress and "batch of" not in text
    assert "processor: x86 (" in text or "processor: ARM (" in text
    rows = json.loads(run(capsys, "benchmark", "--batch-size", 20, "--json", *board[1])[1])["rows"]
    assert [rows[0][kind]["best_of"] for kind in ("accelerator", "from_array", "processor")] == [1, 1, 5]
    assert {
        kind: (row["batch_size"], row["measured_from"], row["scope"]) for kind, row in rows[0].items()
    } == {
        "accelerator": (20, "uint8 memory", "with_dma"),
        "from_array": (20, "uint8 array through Python", "from_python"),
        "processor": (20, "uint8 array through Python", "software"),
    }


def test_benchmark_takes_the_fastest_of_five_runs_of_a_real_board(board, capsys, monkeypatch):
    monkeypatch.setattr("lst_overlay.hardware.bitstream_files.is_simulated", lambda device: False)
    text = run(capsys, "benchmark", "--batch-size", 2, "--json", *board[1])[1]
    assert {figures["best_of"] for figures in json.loads(text)["rows"][0].values()} == {5}


def test_a_bitstream_for_pictures_in_colour_is_opened_and_measured(monkeypatch, capsys, tmp_path):
    network = random_array_network(1)
    save_network(network, tmp_path / "resmlp.npz")
    device = FakeBoard([network], RESMLP_ARRAY)
    monkeypatch.setattr("lst_overlay.overlay.default_device", lambda: device)
    bitfile = array_bitstream(tmp_path)
    arguments = ["--bitfile", bitfile, "--network", tmp_path / "resmlp.npz"]
    assert json.loads(run(capsys, "info", "--json", *arguments)[1])["network_kind"] == "ResMLP"
    assert run(capsys, "benchmark", "--batch-size", 2, *arguments)[0] == 0
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "dog.png")
    status, text, _ = run(capsys, "classify", tmp_path / "dog.png", "--json", *arguments)
    (answer,) = json.loads(text)["images"]
    assert status == 0 and answer["digit"] == classify(logits(network, image[None]))[0]


def test_an_interruption_is_one_line(board, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(LST1Overlay, "self_test", interrupted)
    assert run(capsys, "self-test", *board[1]) == (130, "", "interrupted\n")


def test_a_reader_that_has_seen_enough_is_no_error(board):
    """What `| head -1` does: standard output is closed while the command writes."""
    code = (
        "import sys\n"
        "from lst_overlay import __main__ as command\n"
        "def info(overlay, chosen):\n"
        "    print('line\\n' * 100_000)\n"
        "    return {}\n"
        "class Overlay:\n"
        "    __enter__ = lambda self: self\n"
        "    __exit__ = lambda *_: None\n"
        "import lst_overlay\n"
        "lst_overlay.open_overlay = lambda *_: Overlay()\n"
        "command.info = info\n"
        "sys.exit(command.main(['info']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as done:
        done.stdout.readline()
        done.stdout.close()
        assert done.stderr.read() == b""
    assert done.returncode == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["info", "--network", "lst1_q99"], "no network file 'lst1_q99'"),
        (["info", "--bitfile", "none.bit"], "no bitstream at"),
        (["classify", "none.png"], "none.png"),
    ],
)
def test_what_fails_is_one_line_and_exit_status_1(board, capsys, arguments, message):
    status, text, error = run(capsys, *arguments[:1], *board[1], *arguments[1:])
    assert (
        status == 1
        and not text
        and error.startswith("error: ")
        and message in error
        and error.count("\n") == 1
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["classify"],
        ["dance"],
        ["info", "--batch-size", "3"],
        ["benchmark", "--batch-size", "0"],
        ["benchmark", "--batch-size", "many"],
    ],
)
def test_usage_errors_are_exit_status_2(capsys, arguments):
    with pytest.raises(SystemExit) as exit_:
        command.main(arguments)
    error = capsys.readouterr().err
    assert exit_.value.code == 2 and "usage: python -m lst_overlay" in error
    assert not re.search(r"\b_\w", error)  # no name of a function of ours
