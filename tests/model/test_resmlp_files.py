"""From a trained ResMLP to a network file and an accuracy; errors of tools that take the LST family alone."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import model.export.quantize
import model.reports.evaluate
from lst_overlay.network import (
    QFormat,
    classify,
    content_hash,
    load_network,
    logits,
    outputs,
    save_network,
)
from model.export.quantize import golden_image, quantize_checkpoint
from model.networks.published_resmlp import load_published_resmlp
from model.reports.evaluate import evaluate
from model.training.checkpoint import CheckpointError
from model.training.recipe import ResMLPWidths
from model.training.train import train
from tests.driver.network.resmlp.networks import random_network
from tests.model.networks.test_published_resmlp import published_state
from tests.model.small import (
    picture_recipe,
    picture_split,
    picture_test,
    small_recipe,
    small_split,
    small_test,
)
from tests.model.test_commands import DIGITS, ROOT, command

LEARNED = {"activation": "lerp_psa", "per_channel": True}


@pytest.fixture(scope="module", autouse=True)
def runs(tmp_path_factory):
    """Checkpoints in float/, aware/ and lst/ of the working directory, trained on small data sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("runs"))
        for place in (model.export.quantize, model.reports.evaluate):
            patch.setattr(
                place,
                "load_test",
                lambda dataset: (picture_test if dataset == "cifar10" else small_test)(dataset),
            )
        patch.setattr(
            model.export.quantize,
            "load_split",
            lambda dataset: (picture_split if dataset == "cifar10" else small_split)(),
        )
        recipe = picture_recipe(name="float", epochs=1, **LEARNED)
        train(recipe, "float", split=picture_split(), load_test=picture_test)
        aware = dataclasses.replace(
            recipe, name="aware", widths=ResMLPWidths(), init_from="float/checkpoint.pt"
        )
        train(aware, "aware", split=picture_split(), load_test=picture_test)
        train(small_recipe(name="lst", epochs=1), "lst", split=small_split(), load_test=small_test)
        yield


@pytest.mark.parametrize(
    "run, fmt, how", [("aware", None, "quantization-aware"), ("float", "int8", "post-training int8")]
)
def test_a_file_holds_the_network_its_recipe_and_a_golden_image(run, fmt, how):
    figures = quantize_checkpoint(f"{run}/checkpoint.pt", f"{run}.npz", fmt)
    found = load_network(f"{run}.npz")
    image = golden_image(found.image_shape)
    assert found.name == run and found.kind == "ResMLP" and found.provenance["quantization"] == how
    assert figures["content_sha256"] == content_hash(found)
    np.testing.assert_array_equal(found.golden.image, image)
    for ours, theirs in zip(found.golden.outputs, outputs(found, image[None])):
        np.testing.assert_array_equal(ours, theirs[0])
    part = picture_split().validation
    right = np.mean(classify(logits(found, part.images.numpy())) == part.labels.numpy())
    assert found.provenance["accuracy_validation"] == pytest.approx(100 * right, abs=1e-3)


def test_a_file_says_how_it_was_made():
    quantize_checkpoint("aware/checkpoint.pt", "aware.npz")
    assert load_network("aware.npz").provenance["command"] == [
        "python -m model train float.toml --seed 1",
        "python -m model train aware.toml --seed 1",
        "python -m model quantize build/train/aware/seed1/checkpoint.pt --out aware.npz",
    ]


def test_a_run_in_another_place_gives_the_same_file(tmp_path):
    """The same recipes and seeds, their checkpoints in other directories: the content hash names no path."""
    for run in ("float", "aware"):
        shutil.copytree(run, tmp_path / "other" / run)
    here = quantize_checkpoint("aware/checkpoint.pt", "n.npz")
    there = quantize_checkpoint(tmp_path / "other/aware/checkpoint.pt", tmp_path / "n.npz")
    assert here == there and Path("n.npz").read_bytes() == (tmp_path / "n.npz").read_bytes()


def test_two_exports_give_the_same_bytes():
    for directory in ("one", "other"):
        Path(directory).mkdir()
        quantize_checkpoint("aware/checkpoint.pt", f"{directory}/n.npz")
    assert Path("one/n.npz").read_bytes() == Path("other/n.npz").read_bytes()


@pytest.mark.parametrize(
    "run, fmt, message",
    [
        ("float", None, "float/checkpoint.pt: a float network, needs --format int8"),
        ("float", QFormat(6, 7), "ResMLP needs --format int8, not Q6.7"),
        ("aware", "int8", "already fake-quantised, takes no --format"),
        ("lst", "int8", "the LST family needs --format Qm.n, such as Q6.7, not int8"),
    ],
)
def test_a_format_of_the_wrong_kind_is_refused(run, fmt, message):
    with pytest.raises(CheckpointError, match=message):
        quantize_checkpoint(f"{run}/checkpoint.pt", "n.npz", fmt)


def test_the_format_may_be_written_in_any_case():
    done = command("quantize", "float/checkpoint.pt", "--format", "INT8", "--out", "upper.npz")
    assert (
        done.returncode == 0 and load_network("upper.npz").provenance["quantization"] == "post-training int8"
    )


def test_evaluate_compares_torch_and_the_reference_for_files_and_checkpoints():
    quantize_checkpoint("aware/checkpoint.pt", "aware.npz")
    found = [evaluate("aware.npz"), evaluate("aware/checkpoint.pt")]
    for one in found:
        assert one.torch_exact_images == one.tensor_exact_images == one.images == 24
        assert "every tensor equal: 24 of the first 24 images" in one.to_text()
    assert found[0].confusion == found[1].confusion
    assert evaluate("float/checkpoint.pt").torch_exact_images is None


def test_evaluate_notices_a_reference_that_is_not_what_was_trained(monkeypatch):
    monkeypatch.setattr(
        model.reports.evaluate,
        "logits",
        lambda network, images: logits(network, images) + (np.arange(len(images)) == 3)[:, None],
    )
    assert evaluate("aware/checkpoint.pt").torch_exact_images == 23


def test_evaluate_notices_a_tensor_between_pixels_and_logits(monkeypatch):
    def altered(network, images):
        found = outputs(network, images)
        found[5][3, 0, 0] ^= 1
        return found

    monkeypatch.setattr(model.reports.evaluate, "outputs", altered)
    assert evaluate("aware/checkpoint.pt").tensor_exact_images == 23


def test_evaluate_knows_what_images_a_network_takes():
    quantize_checkpoint("aware/checkpoint.pt", "aware.npz")
    for file in ("aware.npz", "aware/checkpoint.pt"):
        done = command("evaluate", file, "--dataset", "digits")
        assert (
            done.returncode == 1
            and "takes images of 32 x 32 x 3, digits has 28 x 28; leave out --dataset" in done.stderr
        )
    done = command("evaluate", DIGITS, "--dataset", "cifar10")
    assert done.returncode == 1 and "takes images of 28 x 28, cifar10 has 32 x 32 x 3" in done.stderr


def test_evaluate_reads_the_published_layout():
    torch.save(published_state("psa", 96), "h_mul_1_model.bin")
    found = evaluate("h_mul_1_model.bin")
    part = picture_test("cifar10")
    with torch.no_grad():
        classes = load_published_resmlp("h_mul_1_model.bin")(part.images).argmax(1)
    assert (
        found.correct == int((classes == part.labels).sum())
        and found.network == "ResMLP as published"
        and found.dataset == "cifar10"
    )


LST_COMMANDS = {
    "export": "model export FILE --out FILE.onnx",
    "describe": "model describe FILE",
    "simulate": "gateware simulate --network FILE",
    "simulate a built-in engine": "gateware simulate --engine row_parallel --network FILE",
    "resources": "gateware resources --engine row_parallel --network FILE",
}


@pytest.mark.parametrize("arguments", LST_COMMANDS.values(), ids=LST_COMMANDS)
def test_tools_of_the_lst_family_name_a_network_of_the_other_in_one_line(arguments, tmp_path):
    save_network(random_network(), tmp_path / "resmlp.npz")
    done = subprocess.run(
        [sys.executable, "-m", *arguments.replace("FILE", str(tmp_path / "resmlp.npz")).split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1 and done.stderr.strip().count("\n") == 0, done.stderr
    message = "network 'small' (ResMLP) is of the family resmlp, where one of the family lst is needed"
    assert message in done.stderr
