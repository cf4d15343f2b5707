from pathlib import Path

import numpy as np
import pytest

import model.export.quantize
from lst_overlay.network import QFormat, classify, load_network, logits
from model.export.quantize import quantize_checkpoint
from model.training.augment import Augmentation
from model.training.checkpoint import CheckpointError
from model.training.recipe import Distillation, Widths
from model.training.train import train
from tests.model.small import (
    small_recipe,
    small_split,
    small_test,
)


@pytest.fixture(autouse=True)
def small_data(monkeypatch, tmp_path):
    monkeypatch.setattr(model.export.quantize, "load_split", lambda dataset: small_split())
    monkeypatch.setattr(model.export.quantize, "load_test", small_test)
    monkeypatch.chdir(tmp_path)


def trained(name="float", **changes):
    train(small_recipe(name=name, **changes), name, split=small_split(), load_test=small_test)
    return f"{name}/checkpoint.pt"


def test_a_file_says_how_it_was_made():
    quantize_checkpoint(trained(), "n.npz", QFormat(6, 7))
    provenance = load_network("n.npz").provenance
    assert provenance["quantization"] == "post-training Q6.7"
    assert provenance["command"] == [
        "python -m model train float.toml --seed 1",
        "python -m model quantize build/train/float/seed1/checkpoint.pt --format Q6.7 --out n.npz",
    ]
    assert provenance["seed"] == 1 and provenance["dataset"] == "digits"


def test_accuracies_are_of_the_images_they_are_named_for():
    figures = quantize_checkpoint(trained(epochs=6), "n.npz", QFormat(6, 7))
    network, validation, test = load_network("n.npz"), small_split().validation, small_test("digits")
    for key, part in (("accuracy_validation", validation), ("accuracy_integer", test)):
        assert figures[key] == pytest.approx(
            100 * np.mean(classify(logits(network, part.images.numpy())) == part.labels.numpy()), abs=1e-3
        )
    assert figures["accuracy_validation"] != figures["accuracy_integer"]  # or this shows nothing


def test_a_quantisation_aware_file_names_its_parent():
    aware = trained("aware", init_from=trained(), widths=Widths(4, 3, 4), epochs=2)
    quantize_checkpoint(aware, "n.npz")
    provenance = load_network("n.npz").provenance
    assert provenance["quantization"] == "quantization-aware"
    assert provenance["parent"]["recipe_name"] == "float" and len(provenance["command"]) == 3
    assert [layer.weights_width for layer in load_network("n.npz").layers] == [4, 4, 4]


def test_a_distilled_file_names_its_teacher_and_how_to_make_it():
    trained("teacher", network="784-10", epochs=1)
    distilled = trained(
        "taught",
        augmentation=Augmentation(copies=2),
        distillation=Distillation("teacher/checkpoint.pt"),
        epochs=1,
        seed=2,
    )
    quantize_checkpoint(distilled, "n.npz", QFormat(6, 7))
    provenance = load_network("n.npz").provenance
    assert provenance["teacher"]["recipe_name"] == "teacher" and provenance["parent"] is None
    assert provenance["command"][:2] == [
        "python -m model train recipes/teacher.toml --seed 1",
        "python -m model train taught.toml --seed 2",
    ]


def test_learned_functions_lie_in_the_provenance_channel_by_channel():
    quantize_checkpoint(
        trained(activation="piecewise_linear", knots=5, per_channel=True, epochs=1), "n.npz", QFormat(6, 7)
    )
    network = load_network("n.npz")
    assert [len(numbers) for numbers in network.provenance["functions"]] == [28 * 5, 28 * 5]
    assert network.layers[0].activation.table_q.shape == (28, 256)


def test_the_same_run_in_another_place_gives_the_same_content_hash(tmp_path, monkeypatch):
    """The working directory, the recipe's place and the checkpoint's differ; recipe and seed are the same."""
    found = []
    for place, out, recipe in (("one", "float", "recipes/float.toml"), ("two", "runs/deep/float", None)):
        (tmp_path / place / "recipes").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / place)
        if recipe is not None:
            Path(recipe).touch()
        train(small_recipe(name="float"), out, split=small_split(), load_test=small_test)
        checkpoint = Path(out, "checkpoint.pt")
        for given in (checkpoint, checkpoint.resolve()):
            found.append(quantize_checkpoint(given, "n.npz", QFormat(6, 7))["content_sha256"])
    assert len(set(found)) == 1


def test_two_exports_give_the_same_bytes(tmp_path):
    checkpoint = trained()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        quantize_checkpoint(checkpoint, f"{name}/n.npz", QFormat(6, 7))
    assert (tmp_path / "a/n.npz").read_bytes() == (tmp_path / "b/n.npz").read_bytes()


def test_a_float_network_needs_a_format():
    with pytest.raises(CheckpointError, match="a float network, needs --format"):
        quantize_checkpoint(trained(), "n.npz")


def test_a_network_without_a_form_in_integers_is_refused():
    with pytest.raises(CheckpointError, match="a network of kind CNN has no form in integers"):
        quantize_checkpoint(trained("cnn", network="cnn", epochs=1), "n.npz", QFormat(6, 7))


def test_a_fake_quantised_network_takes_no_format():
    aware = trained("aware", init_from=trained(), widths=Widths(4, 3, 4), epochs=1)
    with pytest.raises(CheckpointError, match="already fake-quantised, takes no --format"):
        quantize_checkpoint(aware, "n.npz", QFormat(6, 7))


def test_an_unfinished_training_is_refused():
    train(small_recipe(name="half"), "half", split=small_split(), load_test=small_test, stop_after=1)
    with pytest.raises(CheckpointError, match="training stopped after 1 of 3 epochs"):
        quantize_checkpoint("half/checkpoint.pt", "n.npz", QFormat(6, 7))
