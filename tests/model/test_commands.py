"""The commands as a shell sees them: exit codes, stdout, stderr."""

import json
import subprocess
import sys
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from model.__main__ import app
from model.training.recipe import Recipe
from model.training.train import Training, train
from tests import ROOT
from tests.driver.network.lst.networks import SHIPPED

DIGITS = next(path for path in SHIPPED if path.stem == "lst1_digits")


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def command(*arguments):
    """`python -m model ARGUMENTS` within this process: another one would take seconds to import torch.

    The terminal is wide enough that no message breaks, however long the directory of the test is.
    """
    runner = CliRunner(env={"COLUMNS": "1000"})
    done = runner.invoke(app, list(map(str, arguments)), catch_exceptions=False)
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A short training of digits through the command line."""
    directory = tmp_path_factory.mktemp("train")
    recipe = directory / "tiny.toml"
    recipe.write_text('dataset = "digits"\nepochs = 1\n')
    done = command("train", recipe, "--out", directory, "--seed", 7, "--json", directory / "train.json")
    assert done.returncode == 0, done.stderr
    return directory / "checkpoint.pt"


def test_train_prints_figures_on_stdout_and_progress_on_stderr(checkpoint):
    done = command(
        "train", checkpoint.with_name("tiny.toml"), "--out", checkpoint.parent, "--seed", 7, "--restart"
    )
    assert "test_accuracy" in done.stdout and "epoch" in done.stderr and "%|" not in done.stdout


def test_train_writes_its_figures_as_json(checkpoint):
    figures = json.loads(checkpoint.with_name("train.json").read_text())
    assert figures["seed"] == 7 and figures["epochs"] == 1 and 0 < figures["test_accuracy"] <= 100


def test_a_command_does_not_write_over_the_file_that_it_reads(checkpoint, tmp_path):
    for command_, file in (("quantize", checkpoint), ("export", DIGITS)):
        copy = tmp_path / file.name
        copy.write_bytes(file.read_bytes())
        done = command(command_, copy, "--out", tmp_path / ".." / tmp_path.name / file.name)
        assert done.returncode == 2 and "is the file that is read" in done.stderr
        assert copy.read_bytes() == file.read_bytes()


def test_quantize_then_evaluate(checkpoint, tmp_path):
    out = tmp_path / "tiny.npz"
    assert command("quantize", checkpoint, "--format", "Q4.5", "--out", out).returncode == 0
    done = command("evaluate", out, "--json", tmp_path / "e.json")
    assert done.returncode == 0 and "360 of 360 images" in done.stdout
    assert json.loads((tmp_path / "e.json").read_text())["images"] == 360


def test_evaluate_takes_a_checkpoint(checkpoint):
    done = command("evaluate", checkpoint)
    assert done.returncode == 0 and "of 360 correct" in done.stdout


def test_evaluate_says_that_a_training_is_not_finished(checkpoint, tmp_path):
    longer = tmp_path / "longer.toml"
    longer.write_text('dataset = "digits"\nepochs = 2\n')
    train(Recipe.read(longer), tmp_path, stop_after=1)
    done = command("evaluate", tmp_path / "checkpoint.pt", "--json", tmp_path / "e.json")
    assert "not finished: training stopped after 1 of 2 epochs" in done.stdout
    assert [json.loads((tmp_path / "e.json").read_text())[key] for key in ("epoch", "epochs")] == [1, 2]
    assert "not finished" not in command("evaluate", checkpoint).stdout


def test_an_interruption_says_what_is_kept(tmp_path, monkeypatch):
    recipe = tmp_path / "long.toml"
    recipe.write_text('dataset = "digits"\nepochs = 3\n')
    run_epoch = Training.run_epoch

    for epoch, message in (
        (0, "interrupted before the first epoch was over; nothing is kept"),
        (2, "checkpoint.pt holds epoch 2 of 3: the same command goes on from there"),
    ):

        def interrupted(self, epoch=epoch):
            if self.epoch == epoch:
                raise KeyboardInterrupt
            return run_epoch(self)

        monkeypatch.setattr(Training, "run_epoch", interrupted)
        done = command("train", recipe, "--out", tmp_path)
        assert done.returncode == 130 and message in done.stderr
    assert (
        "the same command, without --restart, goes on from there"
        in command("train", recipe, "--out", tmp_path, "--restart").stderr
    )


def test_the_package_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "model", "frobnicate"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2 and "frobnicate" in done.stderr and not done.stdout


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("train", "--help"), ("quantize", "--help"), ("evaluate", "--help")],
)
def test_help_and_version_succeed(arguments):
    done = command(*arguments)
    assert done.returncode == 0 and done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("train", "no-such-recipe.toml"),
        ("quantize", DIGITS),
        ("evaluate", "--nonsense"),
        ("quantize", DIGITS, "--format", "7.6", "--out", "n.npz"),
    ],
)
def test_wrong_usage_exits_with_2(arguments):
    assert command(*arguments).returncode == 2


def test_a_damaged_file_exits_with_1_and_one_line(tmp_path):
    (tmp_path / "damaged.npz").write_bytes(DIGITS.read_bytes()[:500])
    done = command("evaluate", tmp_path / "damaged.npz")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "damaged.npz" in done.stderr and done.stderr.count("\n") == 1


def test_a_wrong_recipe_exits_with_1_and_one_line(tmp_path):
    (tmp_path / "wrong.toml").write_text("epoch = 3")
    done = command("train", tmp_path / "wrong.toml")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'wrong.toml'}: unknown key 'epoch'")


def test_a_network_file_is_no_checkpoint(tmp_path):
    done = command("quantize", DIGITS, "--format", "Q6.7", "--out", tmp_path / "n.npz")
    assert done.returncode == 1 and not list(tmp_path.iterdir())
    assert (
        "lst1_digits.npz: a network file, where the checkpoint of python -m model train is wanted"
        in done.stderr
    )


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "model.export.onnx_export", raising=False)
    done = command("export", SHIPPED[0], "--out", tmp_path / "n.onnx")
    assert done.returncode == 1
    assert done.stderr == "error: onnx is missing: pip install -e '.[model,study]'\n"


def test_a_bug_keeps_its_traceback(monkeypatch, tmp_path):
    recipe = tmp_path / "tiny.toml"
    recipe.write_text("epochs = 1")
    monkeypatch.setattr(Recipe, "read", None)
    with pytest.raises(TypeError):
        command("train", recipe)


def test_an_interruption_of_any_command_ends_in_one_line(monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("model.reports.evaluate.evaluate", interrupted)
    assert command("evaluate", DIGITS) == Done(130, "", "interrupted\n")


def test_a_seed_that_cannot_be_is_refused_in_one_line(tmp_path):
    (tmp_path / "tiny.toml").write_text('dataset = "digits"\nepochs = 1\n')
    done = command("train", tmp_path / "tiny.toml", "--seed", -1)
    assert done == Done(1, "", "error: seed must be at least 0, not -1\n")


def test_output_goes_into_a_directory_that_is_made_and_never_onto_one(tmp_path):
    assert command("export", DIGITS, "--out", tmp_path / "new" / "deep" / "digits.onnx").returncode == 0
    done = command("export", DIGITS, "--out", tmp_path / "new")
    assert done.returncode == 2 and "directory" in done.stderr


def test_a_format_of_too_few_or_too_many_bits_is_a_usage_error(tmp_path):
    for fmt, bits in (("Q1.0", 1), ("Q6.20", 26)):
        done = command("quantize", DIGITS, "--format", fmt, "--out", tmp_path / "n.npz")
        assert done.returncode == 2 and f"{fmt} has {bits} bits" in done.stderr
