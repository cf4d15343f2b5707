"""Training of ResMLP: teaching block by block, resumed and unbroken runs, total variation, integers."""

import pytest
import torch

from lst_overlay.network import outputs
from model.networks.activations import total_variation
from model.quantized.resmlp import QuantizedResMLP
from model.training.checkpoint import CheckpointError, load_checkpoint, selected_network
from model.training.recipe import BlockwiseDistillation
from model.training.stages import SPLINE_LEARNING_RATE, stages
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
TAUGHT = {
    "distillation": BlockwiseDistillation("teacher/checkpoint.pt", 0.8, temperature=1.0, transfer_epochs=2)
}
LEARNED = {"activation": "lerp_psa", "per_channel": True}
SPLINE = {"activation": "b_spline", "per_channel": True, "total_variation": 1e-4}
INT8 = {"int8": True, "init_from": "float-{activation}/checkpoint.pt"}
RECIPES = {
    "labels": {},
    "taught": TAUGHT,
    "taught splines": {**TAUGHT, **SPLINE},
    "taught PSA": {**TAUGHT, **LEARNED},
    "int8": INT8,
    "int8 PSA": {**INT8, **LEARNED},
    "int8 splines": {**INT8, **SPLINE},
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
    epochs = unbroken["epoch"]
    assert epochs == 2 + (8 if recipe.distillation else 0)
    for epoch in range(1, epochs + 1):
        broken = run(tmp_path / "broken", recipe, stop_after=epoch)
    assert_same(broken, unbroken)


def test_each_block_is_taught_alone_from_the_teachers_embedding():
    training = Training(picture_recipe(**TAUGHT), SPLIT)
    teacher = selected_network(load_checkpoint("teacher/checkpoint.pt"))
    assert_same(dict(training.network.embed.state_dict()), dict(teacher.embed.state_dict()))
    before = {name: parameter.clone() for name, parameter in training.network.named_parameters()}
    for block in range(4):
        for _ in range(2):
            training.run_epoch()
        changed = {
            name
            for name, parameter in training.network.named_parameters()
            if not torch.equal(parameter, before[name])
        }
        assert {".".join(name.split(".")[:2]) for name in changed} == {f"blocks.{block}"}
        before = {name: parameter.clone() for name, parameter in training.network.named_parameters()}
    training.run_epoch()
    assert not torch.equal(training.network.head.weight, before["head.weight"])
    assert not torch.equal(training.network.embed.weight, before["embed.weight"])


@pytest.mark.parametrize("block", [0, 2])
def test_a_block_learns_what_the_teacher_gives_behind_the_same_block_from_what_the_student_gives_before_it(
    block,
):
    training = Training(picture_recipe(**TAUGHT), SPLIT)
    teacher, images = training.teacher, SPLIT.train.images
    stage = stages(training.recipe, training.network.train(), teacher, 1)[block]
    found, wanted = training.network.after_blocks(images)[block + 1], teacher.after_blocks(images)[block + 1]
    assert stage.loss(images, None, None).item() == pytest.approx(
        (found - wanted).square().mean().item(), rel=1e-5
    )


def test_epochs_of_teaching_blocks_are_not_selected():
    state = run("selection", picture_recipe(**TAUGHT), stop_after=8)
    assert state["selected"] is None
    assert run("selection", picture_recipe(**TAUGHT))["selected"]["epoch"] in (9, 10)


def test_the_total_variation_is_in_the_loss_of_splines():
    plain, penalised = (
        Training(picture_recipe(**{**SPLINE, "total_variation": weight}), SPLIT) for weight in (0.0, 0.5)
    )
    images, labels = SPLIT.train
    difference = penalised.stage.loss(images, labels, None) - plain.stage.loss(images, labels, None)
    torch.testing.assert_close(difference, 0.5 * total_variation(penalised.network))


def test_splines_have_a_learning_rate_of_their_own_and_no_decay():
    training = Training(picture_recipe(**SPLINE, weight_decay=1e-3, schedule="constant"), SPLIT)
    others, splines = training.stage.optimizer.param_groups
    assert (splines["lr"], splines["weight_decay"], others["lr"], others["weight_decay"]) == (
        SPLINE_LEARNING_RATE,
        0.0,
        4e-3,
        1e-3,
    )
    assert {tuple(values.shape) for values in splines["params"]} == {(96, 65), (3, 65)}
    assert sum(map(len, (others["params"], splines["params"]))) == len(list(training.network.parameters()))


@pytest.mark.parametrize("changes", [{}, LEARNED, SPLINE], ids=["ReLU", "LERP-PSA", "B-spline"])
def test_what_was_trained_in_integers_is_exported_as_it_was_trained(changes):
    recipe = picture_recipe(**{**changes, **INT8, "learning_rate": 1e-3})
    module = selected_network(run(f"int8-{recipe.activation}", recipe))
    assert isinstance(module, QuantizedResMLP)
    network = module.export("n", {})
    images = SPLIT.validation.images
    for ours, theirs in zip(module.outputs_q(images), outputs(network, images.numpy())):
        assert (ours.numpy() == theirs).all()


def test_a_run_stopped_while_blocks_are_taught_says_so_to_who_would_use_it():
    run("halfway", picture_recipe(**TAUGHT), stop_after=3)
    with pytest.raises(
        CheckpointError, match="stopped after epoch 3, while blocks were taught, with nothing to select yet"
    ):
        selected_network(load_checkpoint("halfway/checkpoint.pt"))


def test_training_in_integers_begins_with_the_calibrated_parent():
    training = Training(picture_recipe(**INT8, **LEARNED), SPLIT)
    parent = QuantizedResMLP(selected_network(load_checkpoint("float-lerp_psa/checkpoint.pt"))).calibrate(
        SPLIT.train.images
    )
    assert_same(dict(training.network.state_dict()), dict(parent.state_dict()))


def test_a_teacher_without_copies_is_asked_as_it_goes():
    taught = {"distillation": {"teacher": "teacher/checkpoint.pt", "weight": 0.8, "temperature": 1.0}}
    training = Training(picture_recipe(**taught), SPLIT)
    images, labels, soft = next(training.batches())
    teacher = selected_network(load_checkpoint("teacher/checkpoint.pt"))
    torch.testing.assert_close(soft, teacher(images).detach())
    assert not torch.allclose(
        training.stage.loss(images, labels, soft), training.stage.loss(images, labels, None)
    )


def test_teaching_blocks_keeps_its_rate_and_what_follows_has_the_recipes_schedule():
    training = Training(picture_recipe(**TAUGHT, schedule="cosine"), SPLIT)
    rates = []
    for _ in range(10):
        rates.append(training.stage.optimizer.param_groups[0]["lr"])
        training.run_epoch()
    assert rates[:9] == [4e-3] * 9 and rates[9] == pytest.approx(2e-3)


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
            {"int8": True, "init_from": "lst/checkpoint.pt"},
            "init_from must take images of 32 x 32 x 3, as network resmlp does; lst is .* and takes 28 x 28",
        ),
        (
            {"distillation": {"teacher": "lst/checkpoint.pt"}},
            "teacher must take images of 32 x 32 x 3, as network resmlp does; lst is .* and takes 28 x 28",
        ),
        (
            {"distillation": BlockwiseDistillation("int8-relu/checkpoint.pt", transfer_epochs=1)},
            "transfer_epochs need a float teacher, this one is quantised",
        ),
    ],
)
def test_ancestors_of_another_family_are_refused(changes, message):
    train(small_recipe(name="lst", epochs=1), "lst", split=small_split(), load_test=small_test)
    run("int8-relu", picture_recipe(**{**INT8, "learning_rate": 1e-3}))
    with pytest.raises(CheckpointError, match=message):
        Training(picture_recipe(**changes), SPLIT)


def test_integers_are_not_what_integers_start_from():
    run("parent", picture_recipe(**INT8))
    with pytest.raises(
        CheckpointError, match="init_from must be a float network, parent/checkpoint.pt is quantised"
    ):
        run("again", picture_recipe(int8=True, init_from="parent/checkpoint.pt"))


def test_a_missing_parent_is_named_with_the_command_that_makes_it():
    recipe = picture_recipe(
        int8=True, init_from="build/train/resmlp_short-{activation}-{expansion}/seed{seed}/checkpoint.pt"
    )
    with pytest.raises(
        FileNotFoundError,
        match="train it first: python -m model train recipes/resmlp_short.toml --activation relu "
        "--expansion 0.03 --seed 1",
    ):
        run("orphan", recipe)
