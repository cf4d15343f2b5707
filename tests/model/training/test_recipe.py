import dataclasses
import json
from pathlib import Path

import pytest
import torch

from lst_overlay.network import load_network
from model.networks.lst import LST1, NETWORKS
from model.quantized.lst import QuantizedLST
from model.training.recipe import Recipe, RecipeError, Widths
from tests import ROOT
from tests.driver.network.lst.networks import SHIPPED

RECIPES = sorted((ROOT / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_reads_and_carries_its_files_name(path):
    assert Recipe.read(path).name == path.stem


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_networks_quote_the_recipe_that_is_in_the_tree(path):
    provenance = load_network(path).provenance
    recipe = next(recipe for recipe in RECIPES if recipe.stem == provenance["recipe"])
    # The seed is the run's own. A file of an earlier release lacks the keys that came later; their defaults say what it did.
    settings = {**provenance["recipe_settings"], "seed": Recipe.read(recipe).seed}
    assert Recipe.from_settings(recipe.stem, settings) == Recipe.read(recipe)


def test_settings_make_the_same_recipe_again():
    recipe = Recipe.read(next(path for path in RECIPES if path.stem == "lst1_w6a4p4"))
    assert Recipe.from_settings(recipe.name, recipe.settings()) == recipe


EVERYTHING = """
dataset = "digits"
network = "reslst3"
activation = "lerp_psa"
knots = 17
per_channel = true
dropout = 0.0
normalize = false
calm_epochs = 1
epochs = 3
batch = 20
learning_rate = 2e-3
schedule = "cosine"
weight_decay = 0.0
total_variation = 1e-6
int8 = false
seed = 3
init_from = "build/train/parent/seed{seed}/checkpoint.pt"

[augmentation]
shift = 0.1
copies = 4

[distillation]
teacher = "build/train/teacher/seed1/checkpoint.pt"
weight = 0.5
temperature = 3.0
transfer_epochs = 0

[widths]
weights = [6, 6, 6, 6, 5, 5, 8]
activations = [4, 4, 4, 4, 4, 4]
pixels = 4
"""


EVERYTHING_OF_RESMLP = """
dataset = "cifar10"
network = "resmlp"
expansion = 0.5
activation = "b_spline"
knots = 17
per_channel = true
weight_decay = 1e-5
total_variation = 1e-6

[picture_augmentation]
crop = 3
mirror = false
operations = 1
magnitude = 12

[distillation]
teacher = "build/train/teacher-{activation}-{expansion}/seed{seed}/checkpoint.pt"
transfer_epochs = 7
"""


def test_every_key_survives_settings(tmp_path):
    seen = set()
    for name, text in (("everything", EVERYTHING), ("everything_of_resmlp", EVERYTHING_OF_RESMLP)):
        (tmp_path / f"{name}.toml").write_text(text)
        recipe = Recipe.read(tmp_path / f"{name}.toml")
        settings = recipe.settings()
        seen |= set(settings)
        assert Recipe.from_settings(name, json.loads(json.dumps(settings))) == recipe
    assert seen == {field.name for field in dataclasses.fields(Recipe)} - {"name"}
    assert (recipe.weight_decay, recipe.picture_augmentation.crop, recipe.distillation.transfer_epochs) == (
        1e-5,
        3,
        7,
    )
    recipe = Recipe.read(tmp_path / "everything.toml")
    assert (recipe.knots, recipe.augmentation.copies, recipe.distillation.temperature) == (17, 4, 3.0)


def test_defaults_are_written_out_and_unset_tables_left_out():
    settings = Recipe("plain").settings()
    assert (
        settings["dropout"] == 0.0
        and settings["schedule"] == "one_cycle"
        and settings["per_channel"] is False
    )
    assert not {"knots", "augmentation", "distillation", "widths", "init_from"} & settings.keys()


def test_knots_and_per_channel_reach_the_functions():
    network = Recipe("r", activation="piecewise_linear", knots=9, per_channel=True).new_network()
    assert [stage.activation.values.shape for stage in network.stages()[:-1]] == [(28, 9), (28, 9)]
    network = Recipe("r", network="784-40-10", activation="lerp_psa", per_channel=True).new_network()
    assert network.stages()[0].activation.knot_values().shape == (40, 64)


def test_dropout_reaches_the_network():
    network = Recipe("r", network="lst2", dropout=0.25).new_network()
    assert [module.p for module in network.modules() if isinstance(module, torch.nn.Dropout)] == [0.25] * 3


SHORT = Recipe(
    "resmlp_short",
    dataset="cifar10",
    network="resmlp",
    expansion=1.0,
    activation="relu",
    total_variation=1e-5,
    init_from="build/train/x-{activation}-{expansion}/seed{seed}/checkpoint.pt",
)


def test_a_variant_is_named_after_its_function_and_width_and_so_is_its_parent():
    variant = SHORT.variant("lerp_psa", 0.5)
    assert variant.name == "resmlp_short-lerp_psa-0.5"
    assert (variant.activation, variant.expansion, variant.per_channel) == ("lerp_psa", 0.5, True)
    assert variant.ancestors["parent"] == Path("build/train/x-lerp_psa-0.5/seed1/checkpoint.pt")
    assert (
        SHORT.variant(None, 2.0).name == "resmlp_short-relu-2" and not SHORT.variant("relu", None).per_channel
    )


def test_the_command_of_a_run_makes_the_same_run():
    assert SHORT.variant("b_spline", 0.25).command == (
        "python -m model train recipes/resmlp_short.toml --activation b_spline --expansion 0.25 --seed 1"
    )
    assert SHORT.command == "python -m model train recipes/resmlp_short.toml --seed 1"
    assert Recipe("elsewhere", seed=3).command == "python -m model train elsewhere.toml --seed 3"


def test_a_variant_of_no_width_is_refused_and_not_taken_for_the_recipes_own():
    with pytest.raises(RecipeError, match="expansion must be finite and leave at least one hidden channel"):
        SHORT.variant(None, 0.0)


def test_only_resmlp_has_variants():
    with pytest.raises(
        RecipeError,
        match="recipe lst: --activation and --expansion belong to network resmlp, this one is lst1",
    ):
        Recipe("lst").variant("relu", None)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "piecewise_linear"])
def test_a_variant_of_another_function_is_refused_with_those_of_resmlp(activation):
    with pytest.raises(
        RecipeError, match=f"--activation must be one of relu, psa, lerp_psa, b_spline, not '{activation}'"
    ):
        SHORT.variant(activation, None)


@pytest.mark.parametrize("network", [*NETWORKS, "cnn"])
def test_every_network_has_a_name(network):
    logits = Recipe("r", network=network).new_network().eval()(torch.zeros(2, 28, 28, dtype=torch.uint8))
    assert logits.shape == (2, 10)


def test_one_width_is_that_of_all_layers_and_a_list_one_for_each():
    assert Widths(6, 4, 8).weights_of(3) == [6, 6, 6] and Widths(6, 4, 8).activations_of(3)[:2] == [4, 4]
    assert Widths([6, 5, 4], [3, 2], 8).weights_of(3) == [6, 5, 4] and Widths(
        [6, 5, 4], [3, 2], 8
    ).activations_of(3)[:2] == [3, 2]


@pytest.mark.parametrize(
    "widths, message",
    [
        (Widths([6, 6], 4, 8), "\\[widths\\] weights must be one number or 3, one for each layer, not 2"),
        (
            Widths(6, [4, 4, 4], 8),
            "\\[widths\\] activations must be one number or 2, one for each layer, not 3",
        ),
    ],
)
def test_another_number_of_widths_than_layers_is_refused(widths, message):
    with pytest.raises(RecipeError, match=message):
        QuantizedLST.from_float(LST1(3, 3, 2), widths)


def test_a_recipe_whose_name_no_network_can_have_is_refused_before_training(tmp_path):
    path = tmp_path / "my net.toml"
    path.write_text("epochs = 1\n")
    with pytest.raises(RecipeError, match="my net.toml: a network's name must be .* not 'my net'"):
        Recipe.read(path)


RESMLP = 'dataset = "cifar10"\nnetwork = "resmlp"\nactivation = "relu"\n'


@pytest.mark.parametrize(
    "text, message",
    [
        ("epoch = 3", "unknown key 'epoch'; there are dataset, network, .*epochs"),
        ('name = "x"', "unknown key 'name'"),
        (
            "[augmentation]\nscal = 0.1",
            r"\[augmentation\] has no key 'scal'; there are rotate_degrees, scale",
        ),
        ("augmentation = 5", "augmentation must be a table, not 5"),
        ('epochs = "3"', "epochs must be a valid integer, not '3'"),
        ("batch = 7.5", "batch must be a valid integer, not 7.5"),
        ("seed = true", "seed must be a valid integer, not True"),
        ('dropout = "x"', "dropout must be a valid number, not 'x'"),
        ('per_channel = "no"', "per_channel must be a valid boolean, not 'no'"),
        ('dataset = ["mnist"]', r"dataset must be a valid string, not \['mnist'\]"),
        (
            '[augmentation]\nrotate_degrees = "a"',
            r"\[augmentation\] rotate_degrees must be a valid number, not 'a'",
        ),
        ("[augmentation]\nscale = -3.0", r"\[augmentation\] scale must not be negative, is -3.0"),
        ("[augmentation]\nscale = 1.0", r"\[augmentation\] scale must be below 1, is 1.0"),
        (
            'init_from = "x{foo}.pt"',
            "init_from and teacher may name the run's {seed}, {activation} and {expansion} and nothing else in braces, are 'x{foo}.pt' and None",
        ),
        (
            'network = "lenet"',
            "network must be one of lst1, lst2, reslst3, 784-10, 784-40-10, cnn, resmlp, not 'lenet'",
        ),
        ('activation = "piecewise_linear"\nknots = 1', "knots must be at least 2, not 1"),
        ('activation = "piecewise_linear"\nknots = 0', "knots must be at least 2, not 0"),
        ("knots = 33", "knots and per_channel belong to a learned activation, not to tanh"),
        (
            'activation = "relu"\nper_channel = true',
            "knots and per_channel belong to a learned activation, not to relu",
        ),
        ("dropout = 1.0", "dropout must lie in 0..1 and not be 1, is 1.0"),
        ("dropout = -0.1", "dropout must lie in 0..1 and not be 1, is -0.1"),
        (
            'network = "cnn"\ninit_from = "a.pt"\nwidths = {weights = 4, activations = 4, pixels = 4}',
            "widths do not go with network cnn",
        ),
        (
            'dropout = 0.1\ninit_from = "a.pt"\nwidths = {weights = 4, activations = 4, pixels = 4}',
            "widths do not go with dropout 0.1",
        ),
        (
            'normalize = true\ninit_from = "a.pt"\nwidths = {weights = 4, activations = 4, pixels = 4}',
            "widths do not go with normalize",
        ),
        ("calm_epochs = 2", "calm_epochs must lie in 0..epochs, and needs augmentation, is 2"),
        (
            "epochs = 3\ncalm_epochs = 4\naugmentation = {}",
            "calm_epochs must lie in 0..epochs, and needs augmentation, is 4",
        ),
        ("dropout = nan", "dropout must lie in 0..1 and not be 1, is nan"),
        ('schedule = "step"', "schedule must be one of one_cycle, cosine, constant, not 'step'"),
        ("weight_decay = -1e-5", "weight_decay must not be negative, is -1e-05"),
        ("[augmentation]\ncopies = -1", "copies must not be negative, is -1"),
        ("[augmentation]\ncopy = 1", "copy"),
        ('[distillation]\nteacher = "t.pt"', "distillation needs augmentation with copies"),
        ('[augmentation]\n[distillation]\nteacher = "t.pt"', "distillation needs augmentation with copies"),
        ("[augmentation]\ncopies = 2\n[distillation]\nweight = 0.5", r"\[distillation\] needs teacher"),
        ('[augmentation]\ncopies = 2\n[distillation]\nteacher = "/t.pt"', "teacher must be relative"),
        (
            '[distillation]\nteacher = "t.pt"\nweight = 0',
            "\\[distillation\\] weight must lie in 0..1 and not be 0, is 0",
        ),
        (
            '[distillation]\nteacher = "t.pt"\nweight = 1.5',
            "\\[distillation\\] weight must lie in 0..1 and not be 0, is 1.5",
        ),
        (
            '[distillation]\nteacher = "t.pt"\ntemperature = 0',
            "\\[distillation\\] temperature must be positive, not 0",
        ),
        (
            "[widths]\nweights = [4, 17]\nactivations = 4\npixels = 4",
            "\\[widths\\] weights must have 2..16 bits, not 17",
        ),
        (
            "[widths]\nweights = 4\nactivations = [4, 1]\npixels = 4",
            "\\[widths\\] activations must have 2..16 bits, not 1",
        ),
        (
            "[widths]\nweights = 4\nactivations = 4\npixels = [4]",
            r"\[widths\] pixels must be a valid integer, not \[4\]",
        ),
        (
            "[widths]\nweights = 4.5\nactivations = 4\npixels = 4",
            r"\[widths\] weights must be a valid integer, not 4.5",
        ),
        ("epoch = 3", "epoch"),
        ("epochs = 0", "epochs must be positive, not 0"),
        ('dataset = "cifar"', "dataset must be one of mnist, digits, cifar10, not 'cifar'"),
        (
            'activation = "sigmoid"',
            "activation must be one of tanh, relu, piecewise_linear, psa, lerp_psa, b_spline, not 'sigmoid'",
        ),
        ("[widths]\nweights = 4", r"\[widths\] needs activations and pixels"),
        ("[widths]\nweights = 4\nactivations = 4\npixels = 4", "widths need init_from"),
        (
            "[widths]\nweights = 1\nactivations = 4\npixels = 4",
            "\\[widths\\] weights must have 2..16 bits, not 1",
        ),
        (
            "[widths]\nweights = 4\nactivations = 1\npixels = 4",
            "\\[widths\\] activations must have 2..16 bits, not 1",
        ),
        (
            "[widths]\nweights = 4\nactivations = 4\npixels = 9",
            "\\[widths\\] pixels must have 1..8 bits, not 9",
        ),
        ('init_from = "/tmp/checkpoint.pt"', "init_from must be relative"),
        ('activation = "psa"\nknots = 9', "psa has no knots, lerp_psa is the same function on a grid"),
        ("epochs = ", "not TOML"),
        ('network = "resmlp"', "network resmlp and dataset cifar10 go together, not resmlp and mnist"),
        ('dataset = "cifar10"', "network resmlp and dataset cifar10 go together, not lst1 and cifar10"),
        ("expansion = 1.0", "expansion belongs to network resmlp"),
        ("int8 = true", "int8 belongs to network resmlp"),
        ("[picture_augmentation]", "picture_augmentation belongs to network resmlp"),
        (RESMLP, "network resmlp needs expansion"),
        (
            RESMLP + "expansion = 0.001",
            "expansion must be finite and leave at least one hidden channel of 96, is 0.001",
        ),
        (
            RESMLP + "expansion = 0.0",
            "expansion must be finite and leave at least one hidden channel of 96, is 0.0",
        ),
        (
            RESMLP + "expansion = nan",
            "expansion must be finite and leave at least one hidden channel of 96, is nan",
        ),
        (
            'dataset = "cifar10"\nnetwork = "resmlp"\nexpansion = 1.0',
            "activation must be one of relu, psa, lerp_psa, b_spline for network resmlp, not 'tanh'",
        ),
        (
            'dataset = "cifar10"\nnetwork = "resmlp"\nexpansion = 1.0\nactivation = "lerp_psa"',
            "network resmlp with activation lerp_psa needs per_channel = true",
        ),
        (
            RESMLP + 'expansion = 6.0\nint8 = true\ninit_from = "a.pt"',
            "int8 takes at most 512 hidden channels, not 576",
        ),
        (
            RESMLP
            + 'expansion = 1.0\nint8 = true\ninit_from = "a.pt"\n[distillation]\nteacher = "t.pt"\ntransfer_epochs = 1',
            "int8 does not go with transfer_epochs",
        ),
        (
            RESMLP + 'expansion = 1.0\nint8 = true\ninit_from = "a.pt"\nweight_decay = 1e-5',
            "weight_decay does not go with training in integers",
        ),
        ("total_variation = -1.0", "total_variation must not be negative, is -1.0"),
        ("total_variation = nan", "total_variation must not be negative, is nan"),
        ("seed = -1", "seed must lie in 0..2\\^63 - 1, is -1"),
        (RESMLP + "expansion = 1.0\ndropout = 0.1", "dropout does not go with network resmlp"),
        (RESMLP + "expansion = 1.0\naugmentation = {}", "augmentation does not go with network resmlp"),
        (RESMLP + "expansion = 1.0\nint8 = true", "int8 needs init_from"),
        (
            RESMLP + "expansion = 1.0\n[picture_augmentation]\nmagnitude = 31",
            r"\[picture_augmentation\] magnitude must lie in 0..30, is 31",
        ),
        (
            '[augmentation]\ncopies = 2\n[distillation]\nteacher = "t.pt"\ntransfer_epochs = 2',
            "transfer_epochs belongs to network resmlp",
        ),
        (
            RESMLP + 'expansion = 1.0\n[distillation]\nteacher = "t.pt"\ntransfer_epochs = -1',
            r"\[distillation\] transfer_epochs must not be negative, is -1",
        ),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_name(tmp_path, text, message):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message) as error:
        Recipe.read(path)
    assert any(name in str(error.value) for name in ("wrong", "widths", "distillation"))
