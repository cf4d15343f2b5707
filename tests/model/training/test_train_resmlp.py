"""Training of ResMLP: resumed and unbroken runs, teachers, total variation, integers."""

import pytest
import torch

from lst_overlay.network import outputs
from model.networks.activations import total_variation
from model.quantized.resmlp import QuantizedResMLP
from model.training.checkpoint import CheckpointError, load_checkpoint, selected_network
from model.training.objective import SPLINE_LEARNING_RATE, loss_of
from model.training.picture_augment import PictureAugmentation
from model.training.recipe import Distillation, ResMLPWidths
from model.training.train import Training, TrainingError, train
from tests.model.small import (
    picture_recipe,
    picture_split,
    picture_test,
    small_recipe,
    small_split,
    small_test,
)
from tests.model.training.test_train import assert_same

SPLIT = picture_split()
TAUGHT = {"distillation": Distillation("teacher/checkpoint.pt", 0.8, temperature=1.0)}
LEARNED = {"activation": "lerp_psa", "per_channel": True}
SPLINE = {"activation": "b_spline", "per_channel": True, "total_variation": 1e-4}
INT8 = {"widths": ResMLPWidths(), "init_from": "float-{activation}/checkpoint.pt"}
W5A6 = {**INT8, "widths": ResMLPWidths(weights=5, codes=6, pixels=6, entries=32)}
RECIPES = {
    "labels": {},
    "taught": TAUGHT,
    "taught splines": {**TAUGHT, **SPLINE},
    "taught PSA, averaged": {**TAUGHT, **LEARNED, "average": 0.9},
    "copies": {**TAUGHT, "picture_augmentation": PictureAugmentation(copies=3, operations=1)},
    "int8": INT8,
    "int8 PSA": {**INT8, **LEARNED},
    "int8 splines": {**INT8, **SPLINE},
    "W5A6": W5A6,
    "W5A6 PSA": {**W5A6, **LEARNED},
}


def run(directory, recipe, **options):
    return train(recipe, directory, split=SPLIT, load_test=picture_test, **options)


@pytest.fixture(scope="module", autouse=True)
def ancestors(tmp_path_factory):
    """A teacher and a float network of each function, where the recipes look for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("runs"))
        run("teacher", picture_recipe(name="teacher", epochs=1, expansion=0.05))
        for changes in ({}, LEARNED, SPLINE):
            recipe = picture_recipe(epochs=1, **changes)
            run(f"float-{recipe.activation}", recipe)
        yield


@pytest.mark.parametrize("recipe", [picture_recipe(**changes) for changes in RECIPES.values()], ids=RECIPES)
def test_a_run_that_was_stopped_after_each_epoch_equals_an_unbroken_one(tmp_path, recipe):
    unbroken = run(tmp_path / "unbroken", recipe)
    for epoch in range(1, recipe.epochs + 1):
        broken = run(tmp_path / "broken", recipe, stop_after=epoch)
    assert_same(broken, unbroken)


def test_the_total_variation_is_in_the_loss_of_splines():
    plain, penalised = (
        Training(picture_recipe(**{**SPLINE, "total_variation": weight}), SPLIT) for weight in (0.0, 0.5)
    )
    images, labels = SPLIT.train
    losses = [loss_of(run.recipe, run.network, images, labels, None) for run in (plain, penalised)]
    torch.testing.assert_close(losses[1] - losses[0], 0.5 * total_variation(penalised.network))


def test_splines_have_a_learning_rate_of_their_own_and_no_decay():
    training = Training(picture_recipe(**SPLINE, weight_decay=1e-3, schedule="constant"), SPLIT)
    others, splines = training.optimizer.param_groups
    assert (splines["lr"], splines["weight_decay"], others["lr"], others["weight_decay"]) == (
        SPLINE_LEARNING_RATE,
        0.0,
        4e-3,
        1e-3,
    )
    assert {tuple(values.shape) for values in splines["params"]} == {(96, 65), (3, 65)}
    assert sum(map(len, (others["params"], splines["params"]))) == len(list(training.network.parameters()))


@pytest.mark.parametrize("widths", [INT8, W5A6], ids=["INT8", "W5A6"])
@pytest.mark.parametrize("changes", [{}, LEARNED, SPLINE], ids=["ReLU", "LERP-PSA", "B-spline"])
def test_what_was_trained_in_integers_is_exported_as_it_was_trained(tmp_path, changes, widths):
    recipe = picture_recipe(**{**changes, **widths, "learning_rate": 1e-3})
    module = selected_network(run(tmp_path, recipe))
    assert isinstance(module, QuantizedResMLP)
    network = module.export("n", {})
    images = SPLIT.validation.images
    for ours, theirs in zip(module.outputs_q(images), outputs(network, images.numpy())):
        assert (ours.numpy() == theirs).all()


def test_training_in_integers_begins_with_the_calibrated_parent():
    training = Training(picture_recipe(**INT8, **LEARNED), SPLIT)
    parent = QuantizedResMLP(selected_network(load_checkpoint("float-lerp_psa/checkpoint.pt"))).calibrate(
        SPLIT.train.images
    )
    assert_same(dict(training.network.state_dict()), dict(parent.state_dict()))


def test_a_teacher_without_copies_is_asked_as_it_goes():
    training = Training(picture_recipe(**TAUGHT), SPLIT)
    images, labels, soft = next(training.batches())
    teacher = selected_network(load_checkpoint("teacher/checkpoint.pt"))
    torch.testing.assert_close(soft, teacher(images).detach())
    losses = [loss_of(training.recipe, training.network, images, labels, s) for s in (soft, None)]
    assert not torch.allclose(*losses)


def test_copies_are_mirrored_anew_in_each_epoch_and_keep_the_teachers_logits():
    recipe = picture_recipe(**TAUGHT, picture_augmentation=PictureAugmentation(copies=1))
    training = Training(recipe, SPLIT)
    copy, soft = (kept[0] for kept in training.images.strong[1:])
    mirrored = 0
    for images, _, given in [*training.batches(), *training.batches()]:
        for image, logits in zip(images, given):
            (number,) = (soft == logits).all(1).nonzero()[0]
            is_mirrored = not torch.equal(image, copy[number])
            assert torch.equal(image, copy[number].flip(1) if is_mirrored else copy[number])
            mirrored += is_mirrored
    assert 0 < mirrored < 2 * len(soft)


def test_the_average_of_weights_and_statistics_is_what_validation_selects():
    training = Training(picture_recipe(average=0.5), SPLIT)
    weights = [training.network.head.weight.clone()]
    training.steps_per_epoch = 1
    for _ in range(2):
        training.run_epoch()
        weights.append(training.network.head.weight.clone())
    training.validate()
    assert torch.equal(training.selected["network"]["head.weight"], training.result.head.weight)
    assert not torch.equal(training.result.head.weight, training.network.head.weight)
    assert not torch.equal(training.result.norm.running_var, training.network.norm.running_var)


def test_a_parameter_that_is_no_number_stops_the_run_even_if_the_loss_is_one():
    """A table look-up turns NaN into an ordinary entry."""
    training = Training(picture_recipe(**INT8, **LEARNED), SPLIT)
    training.network.layers[1].bias.data[3] = float("nan")
    with pytest.raises(
        TrainingError, match=r"layers.1.bias is not finite after step 2 \(epoch 1\)|loss is nan"
    ):
        training.run_epoch()


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"widths": ResMLPWidths(), "init_from": "lst/checkpoint.pt"},
            "init_from must take images of 32 x 32 x 3, as network resmlp does for cifar10; lst .* 28 x 28",
        ),
        (
            {"distillation": {"teacher": "lst/checkpoint.pt"}},
            "teacher must take images of 32 x 32 x 3, as network resmlp does for cifar10; lst .* 28 x 28",
        ),
    ],
)
def test_ancestors_of_another_family_are_refused(changes, message):
    train(small_recipe(name="lst", epochs=1), "lst", split=small_split(), load_test=small_test)
    with pytest.raises(CheckpointError, match=message):
        Training(picture_recipe(**changes), SPLIT)


def test_integers_are_not_what_integers_start_from():
    run("parent", picture_recipe(**INT8))
    with pytest.raises(
        CheckpointError, match="init_from must be a float network, parent/checkpoint.pt is quantised"
    ):
        run("again", picture_recipe(widths=ResMLPWidths(), init_from="parent/checkpoint.pt"))


def test_a_missing_parent_is_named_with_the_command_that_makes_it():
    recipe = picture_recipe(
        widths=ResMLPWidths(),
        init_from="build/train/resmlp-{activation}-{expansion}/seed{seed}/checkpoint.pt",
    )
    with pytest.raises(
        FileNotFoundError,
        match="train it first: python -m model train recipes/resmlp.toml --activation relu "
        "--expansion 0.03 --seed 1",
    ):
        run("orphan", recipe)
