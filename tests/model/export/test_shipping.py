import pytest
import torch

import model.export.quantize
import model.export.shipping
import model.training.train
from datasets.mnist import mnist_is_here
from lst_overlay.network import QFormat, load_network
from model.export.quantize import integer_accuracy
from model.export.shipping import PACKAGED, UNPACKAGED, Shipped, ship, shipped
from model.training.checkpoint import load_checkpoint, selected_network
from model.training.data import load_split
from model.training.experiments import STUDENTS, Group
from tests.driver.network.lst.networks import SHIPPED
from tests.model.small import small_recipe, small_split, small_test


@pytest.fixture
def recipe(monkeypatch, tmp_path):
    """A recipe of a few digits, in a checkout of its own."""
    for module in (model.training.train, model.export.quantize):
        monkeypatch.setattr(module, "load_split", lambda dataset: small_split())
    monkeypatch.setattr(model.export.quantize, "load_test", small_test)
    monkeypatch.setattr(
        model.training.train.train,
        "__kwdefaults__",
        {**model.training.train.train.__kwdefaults__, "load_test": small_test},
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Group, "settings", lambda group: small_recipe().settings())
    return "small"


def test_the_run_that_is_best_on_validation_is_written(recipe, tmp_path):
    recipes = [small_recipe(seed=seed) for seed in range(3)]
    accuracies = [model.training.train.train(one)["selected"]["validation_accuracy"] for one in recipes]
    best = accuracies.index(max(accuracies))
    assert min(accuracies) < max(accuracies)
    figures = ship(
        Shipped(tmp_path / "networks" / "n.npz", Group(recipe, "LST-1", "", range(3)), QFormat(6, 7))
    )
    provenance = load_network(tmp_path / "networks" / "n.npz").provenance
    assert figures["seed"] == provenance["seed"] == best


def test_the_test_set_does_not_choose(recipe, tmp_path, monkeypatch):
    """Where validation and test disagree, validation decides."""
    states = {1: (0.8, 0.1), 2: (0.9, 0.2), 3: (0.7, 0.9)}
    chosen = []
    monkeypatch.setattr(
        model.export.shipping,
        "train",
        lambda one: dict(
            zip(
                ("selected", "test_accuracy"),
                ({"validation_accuracy": states[one.seed][0]}, states[one.seed][1]),
            )
        ),
    )
    monkeypatch.setattr(
        model.export.shipping,
        "quantize_checkpoint",
        lambda path, file, fmt: (
            chosen.append(path.parent.name) or {"accuracy_validation": 0, "accuracy_integer": 0}
        ),
    )
    ship(Shipped(tmp_path / "n.npz", Group(recipe, "LST-1", "", (1, 2, 3)), QFormat(6, 7)))
    assert chosen == ["seed2"]


def test_a_teachers_checkpoint_keeps_its_matrices_in_bfloat16_and_can_still_teach(recipe, tmp_path):
    figures = ship(Shipped(tmp_path / "networks" / "t.pt", Group(recipe, "LST-1", "", (1,))))
    state = load_checkpoint(tmp_path / "networks" / "t.pt")
    assert figures["test"] == 100 * state["test_accuracy"] and "optimizer" not in state
    trained = model.training.train.train(small_recipe())["selected"]["network"]
    for name, tensor in selected_network(state).state_dict().items():
        kept = trained[name].bfloat16().float() if trained[name].dim() > 1 else trained[name]
        assert torch.equal(tensor, kept)


def test_files_that_the_hardware_runs_are_in_the_package_and_the_others_beside_it():
    files = [one.file for one in shipped()]
    packaged = {path.name for path in files if path.parent == PACKAGED}
    assert {path.name for path in PACKAGED.glob("*.npz")} <= packaged
    assert packaged - {path.name for path in PACKAGED.glob("*.npz")} <= {
        "resmlp_lerp_psa_h0.5_w5a6.npz",
        "resmlp_relu_h2_w5a6.npz",
    }
    assert [path.name for path in files if path.parent == UNPACKAGED] == [
        "resmlp_relu_h2_int8.npz",
        "cifar10_teacher.pt",
    ]
    assert sum("widths" in group.settings() for group in STUDENTS) == len(files) - 8


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_file_has_its_accuracy_on_the_validation_images_of_today(path):
    """Other images would have been trained on, or say another accuracy."""
    network = load_network(path)
    dataset = network.provenance["dataset"]
    if dataset == "mnist" and not mnist_is_here():
        pytest.skip("MNIST is not here")
    validation = load_split(dataset).validation
    assert integer_accuracy(network, validation) == pytest.approx(network.provenance["accuracy_validation"])
