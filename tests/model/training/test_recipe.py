import dataclasses
import json
from pathlib import Path

import pytest
import torch

from lst_overlay.network import load_network
from model.networks.lst import LST1
from model.quantized.lst import QuantizedLST
from model.training.recipe import LSTRecipe, MLPRecipe, Recipe, RecipeError, ResMLPRecipe, Widths
from model.training.recipe.base import FAMILIES
from model.training.recipe.errors import keys_of, networks_of
from tests import ROOT
from tests.driver.network.lst.networks import SHIPPED

RECIPES = sorted((ROOT / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_reads_and_carries_its_files_name(path):
    assert Recipe.read(path).name == path.stem


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_integers_have_the_layers_of_the_float_network_that_they_start_from(path):
    recipe = Recipe.read(path)
    if not (isinstance(recipe, LSTRecipe) and recipe.is_quantized):
        return
    parent = Recipe.named(recipe.ancestors["parent"].parts[-3], ROOT / "recipes")
    trained = parent.new_network().fold_normalization().state_dict()
    recipe.new_network().load_state_dict(trained)  # RuntimeError if a layer has another shape
    assert recipe.network_to_train().rows_per_vector == parent.new_network().rows_per_vector


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_networks_quote_the_recipe_that_is_in_the_tree(path):
    provenance = load_network(path).provenance
    recipe = next(recipe for recipe in RECIPES if recipe.stem == provenance["recipe"])
    # The seed is the run's own. A file of an earlier release lacks the keys that came later; their defaults
    # say what it did.
    settings = {**provenance["recipe_settings"], "seed": Recipe.read(recipe).seed}
    assert Recipe.from_settings(recipe.stem, settings) == Recipe.read(recipe)


def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path):
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbfepochs = 3\n")
    assert Recipe.read(tmp_path / "bom.toml").epochs == 3


def test_settings_make_the_same_recipe_again():
    recipe = Recipe.read(next(path for path in RECIPES if path.stem == "lst1_w6a4p4"))
    assert Recipe.from_settings(recipe.name, recipe.settings()) == recipe


EVERYTHING = """
dataset = "my.npz"
network = "reslst3"
rows_per_vector = 2
features = [12, 20]
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
seed = 3
init_from = "build/train/parent/seed{seed}/checkpoint.pt"

[augmentation]
shift = 0.1
copies = 4

[distillation]
teacher = "build/train/teacher/seed1/checkpoint.pt"
weight = 0.5
temperature = 3.0

[widths]
weights = [6, 6, 6, 6, 5, 5, 8]
activations = [4, 4, 4, 4, 4, 4]
pixels = 4

[own_data]
names = ["cat", "dog"]
sha256 = "0"
side = 24
"""


EVERYTHING_OF_RESMLP = """
dataset = "cifar10"
network = "resmlp"
expansion = 0.5
activation = "b_spline"
knots = 17
per_channel = true
total_variation = 1e-6
init_from = "build/train/float/checkpoint.pt"

[widths]
weights = 5
codes = 6
residual = 7
pixels = 6
entries = 32

[picture_augmentation]
crop = 3
mirror = false
copies = 2
operations = 1
magnitude = 12

[distillation]
teacher = "build/train/teacher-{activation}-{expansion}/seed{seed}/checkpoint.pt"
"""


def test_every_key_survives_settings(tmp_path):
    seen = set()
    for name, text in (("everything", EVERYTHING), ("everything_of_resmlp", EVERYTHING_OF_RESMLP)):
        (tmp_path / f"{name}.toml").write_text(text)
        recipe = Recipe.read(tmp_path / f"{name}.toml")
        settings = recipe.settings()
        seen |= set(settings)
        assert Recipe.from_settings(name, json.loads(json.dumps(settings))) == recipe
    assert seen == {path[0] for family in FAMILIES for path, _ in keys_of(family)} - {"name"}
    assert (recipe.widths.residual, recipe.picture_augmentation.crop) == (7, 3)
    recipe = Recipe.read(tmp_path / "everything.toml")
    assert (recipe.knots, recipe.augmentation.copies, recipe.distillation.temperature) == (17, 4, 3.0)


LETTERS = {"dataset": "my.npz", "own_data": {"names": ["a", "b", "c"], "sha256": "0", "side": 24}}


@pytest.mark.parametrize("network", ["lst1", "lst2", "reslst3", "cnn"])
def test_a_network_has_the_shape_and_the_classes_of_own_data(network):
    recipe = Recipe.from_settings("r", {**LETTERS, "network": network})
    assert recipe.image_shape == (24, 24)
    images = torch.zeros((2, 24, 24), dtype=torch.uint8)
    assert recipe.new_network().eval()(images).shape == (2, 3)


@pytest.mark.parametrize("features, expected", [({}, 24), ({"features": 10}, 10)])
def test_a_transform_has_as_many_features_as_pixels_unless_the_recipe_says_otherwise(features, expected):
    network = Recipe.from_settings("r", {**LETTERS, "network": "lst2", **features}).new_network()
    assert [stage.linear.weight.shape for stage in network.stages()] == [
        (expected, 24),
        (expected, 24),
        (expected, expected),
        (expected, expected),
        (3, expected**2),
    ]


def test_row_pairs_enter_as_14_vectors_of_56_pixels():
    network = Recipe.read(ROOT / "recipes" / "lst1_row_pairs_w4a4p2.toml").network_to_train()
    exported = network.export("n", {})
    assert (exported.image_shape, exported.input_shape) == ((28, 28), (14, 56))
    assert [layer.weights_q.shape for layer in exported.layers] == [(42, 56), (14, 14), (10, 588)]


@pytest.mark.parametrize("features, expected", [(None, (14, 56)), (20, (20, 20)), ([12, 40], (12, 40))])
def test_features_are_rows_and_columns_and_by_default_those_of_what_enters(features, expected):
    settings = {"dataset": "mnist", "rows_per_vector": 2}
    recipe = Recipe.from_settings("r", settings if features is None else {**settings, "features": features})
    for stage, fan_out in zip(recipe.new_network().stages(), expected[::-1]):  # rows give columns
        assert stage.linear.out_features == fan_out


def test_own_data_of_earlier_checkpoints_have_28_pixels_a_side():
    own_data = {"names": ["a", "b"], "sha256": "0"}
    recipe = Recipe.from_settings("r", {"dataset": "my.npz", "own_data": own_data})
    assert recipe.image_shape == (28, 28)
    assert recipe == Recipe.from_settings("r", recipe.changed(own_data={**own_data, "side": 28}).settings())


def test_keys_of_other_families_say_nothing_at_their_defaults():
    """Earlier checkpoints and network files name the keys of all families."""
    others = {"int8": False, "distillation": {"teacher": "t.pt", "transfer_epochs": 0}}
    told = {"augmentation": {"copies": 2}, "distillation": {"teacher": "t.pt"}}
    assert Recipe.from_settings("r", {**told, **others}) == Recipe.from_settings("r", told)
    resmlp = {"network": "resmlp", "expansion": 1.0}
    others = {"dropout": 0.0, "normalize": False, "calm_epochs": 0}
    assert Recipe.from_settings("r", {**resmlp, **others}) == Recipe.from_settings("r", resmlp)


def test_a_recipe_made_or_changed_by_hand_is_checked_as_well():
    for wrong in (lambda: LSTRecipe("r", epochs=0), lambda: dataclasses.replace(LSTRecipe("r"), epochs=0)):
        with pytest.raises(ValueError, match="epochs"):
            wrong()
    with pytest.raises(
        RecipeError, match="^seed must be less than 9223372036854775808, not 9223372036854775808$"
    ):
        LSTRecipe("r").changed(seed=2**63)
    assert LSTRecipe("r").changed(seed=5) == LSTRecipe("r", seed=5)


def test_a_network_has_one_family():
    networks = [network for family in FAMILIES for network in networks_of(family)]
    assert len(networks) == len(set(networks))


def test_the_command_that_a_network_file_quotes_does_not_depend_on_the_directory(tmp_path, monkeypatch):
    expected = "python -m model train recipes/resmlp.toml --activation relu --expansion 2 --seed 1"
    for directory in (ROOT, tmp_path):
        monkeypatch.chdir(directory)
        assert OWN.variant(None, 2.0).command == expected


def test_defaults_are_written_out_and_unset_tables_left_out():
    settings = LSTRecipe("plain").settings()
    assert (
        settings["dropout"] == 0.0
        and settings["schedule"] == "one_cycle"
        and settings["per_channel"] is False
    )
    assert not {"knots", "augmentation", "distillation", "widths", "init_from"} & settings.keys()


def test_knots_and_per_channel_reach_the_functions():
    network = LSTRecipe("r", activation="piecewise_linear", knots=9, per_channel=True).new_network()
    assert [stage.activation.values.shape for stage in network.stages()[:-1]] == [(28, 9), (28, 9)]
    network = MLPRecipe("r", network="784-40-10", activation="lerp_psa", per_channel=True).new_network()
    assert network.stages()[0].activation.knot_values().shape == (40, 64)


def test_dropout_reaches_the_network():
    network = LSTRecipe("r", network="lst2", dropout=0.25).new_network()
    assert [module.p for module in network.modules() if isinstance(module, torch.nn.Dropout)] == [0.25] * 3


OWN = ResMLPRecipe(
    "resmlp",
    expansion=1.0,
    activation="relu",
    total_variation=1e-5,
    init_from="build/train/x-{activation}-{expansion}/seed{seed}/checkpoint.pt",
)


def test_a_variant_is_named_after_its_function_and_width_and_so_is_its_parent():
    variant = OWN.variant("lerp_psa", 0.5)
    assert variant.name == "resmlp-lerp_psa-0.5"
    assert (variant.activation, variant.expansion, variant.per_channel) == ("lerp_psa", 0.5, True)
    assert variant.ancestors["parent"] == Path("build/train/x-lerp_psa-0.5/seed1/checkpoint.pt")
    assert OWN.variant(None, 2.0).name == "resmlp-relu-2" and not OWN.variant("relu", None).per_channel


def test_the_command_of_a_run_makes_the_same_run():
    assert OWN.variant("b_spline", 0.25).command == (
        "python -m model train recipes/resmlp.toml --activation b_spline --expansion 0.25 --seed 1"
    )
    assert OWN.command == "python -m model train recipes/resmlp.toml --seed 1"
    assert LSTRecipe("elsewhere", seed=3).command == "python -m model train elsewhere.toml --seed 3"


def test_a_variant_of_no_width_is_refused_and_not_taken_for_the_recipes_own():
    with pytest.raises(RecipeError, match="expansion must be finite and leave at least one hidden channel"):
        OWN.variant(None, 0.0)


def test_only_resmlp_has_variants():
    with pytest.raises(
        RecipeError,
        match="recipe lst: --activation and --expansion belong to network resmlp, this one is lst1",
    ):
        LSTRecipe("lst").variant("relu", None)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "piecewise_linear"])
def test_a_variant_of_another_function_is_refused_with_those_of_resmlp(activation):
    with pytest.raises(
        RecipeError,
        match=f"recipe resmlp: activation must be one of relu, psa, .*, not '{activation}'",
    ):
        OWN.variant(activation, None)


@pytest.mark.parametrize("network", [network for family in FAMILIES for network in networks_of(family)])
def test_every_network_takes_the_images_that_its_recipe_says(network):
    required = {"expansion": 0.5} if network == "resmlp" else {}
    recipe = Recipe.from_settings("r", {"network": network, **required})
    images = torch.zeros(2, *recipe.image_shape, dtype=torch.uint8)
    assert recipe.new_network().eval()(images).shape == (2, 10)


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
        QuantizedLST.from_float(LST1((3, 3), (3, 3), 2), widths)


def test_a_recipe_whose_name_no_network_can_have_is_refused_before_training(tmp_path):
    path = tmp_path / "my net.toml"
    path.write_text("epochs = 1\n")
    with pytest.raises(RecipeError, match="my net.toml: a network's name must be .* not 'my net'"):
        Recipe.read(path)


RESMLP = 'dataset = "cifar10"\nnetwork = "resmlp"\nactivation = "relu"\n'


@pytest.mark.parametrize(
    "text, message",
    [
        ("epoch = 3", "unknown key 'epoch', did you mean 'epochs'; there are network, dataset, epochs, "),
        ('name = "x"', "unknown key 'name'"),
        (
            "[augmentation]\nscal = 0.1",
            r"\[augmentation\] has no key 'scal', did you mean 'scale'; there are rotate_degrees, scale",
        ),
        ("augmentation = 5", "augmentation must be a table, not 5"),
        ('epochs = "3"', "epochs must be a valid integer, not '3'"),
        ("batch = 7.5", "batch must be a valid integer, not 7.5"),
        (f"batch = {2**63}", "batch must be at most 1000000000, not 9223372036854775808"),
        (f"epochs = {10**10}", "epochs must be at most 1000000000, not 10000000000"),
        (
            f"[augmentation]\ncopies = {2**63}",
            r"\[augmentation\] copies must be at most 1000000000, not 92233",
        ),
        ("seed = true", "seed must be a valid integer, not True"),
        ('dropout = "x"', "dropout must be a valid number, not 'x'"),
        ('per_channel = "no"', "per_channel must be a valid boolean, not 'no'"),
        ('dataset = ["mnist"]', r"dataset must be a valid string, not \['mnist'\]"),
        (
            'dataset = "/data/my.npz"',
            "dataset must be relative to where the command runs, not /data/my.npz: the network file",
        ),
        (
            '[own_data]\nnames = ["a", "b"]\nsha256 = "0"',
            "own_data belongs to a dataset that is a file .npz, not to 'mnist'",
        ),
        (
            '[own_data]\nnames = ["a"]\nsha256 = "0"',
            r"\[own_data\] names .*at least 2 items.*, not \['a'\]",
        ),
        (
            'dataset = "my.npz"\nnetwork = "784-10"\n[own_data]\nnames = ["a", "b"]\nsha256 = "0"\nside = 24',
            "network 784-10 takes images of 28 x 28 pixels, my.npz has 24 x 24",
        ),
        ("features = 33", "features must be at most 32 rows and 32 columns, not 33 and 33"),
        (
            "rows_per_vector = 2\nfeatures = [14, 65]",
            "features must be at most 32 rows and 64 columns, not 14 and 65",
        ),
        ("features = [14, 1]", r"features\[1\] must be at least 2, not 1"),
        ("features = [14]", "features must be one number or two, rows and columns, not 1"),
        ("rows_per_vector = 3", "rows_per_vector must divide the rows of an image, 28, not 3"),
        ("rows_per_vector = 0", "rows_per_vector must be at least 1, not 0"),
        (
            'network = "784-10"\nrows_per_vector = 2',
            "rows_per_vector belongs to network lst1, lst2 or reslst3, not to 784-10",
        ),
        (
            '[augmentation]\nrotate_degrees = "a"',
            r"\[augmentation\] rotate_degrees must be a valid number, not 'a'",
        ),
        ("[augmentation]\nscale = -3.0", r"\[augmentation\] scale must be at least 0, not -3.0"),
        ("[augmentation]\nscale = 1.0", r"\[augmentation\] scale must be less than 1, not 1.0"),
        (
            'init_from = "x{foo}.pt"',
            "init_from may have {seed}, {activation} in braces, .* and nothing else, is 'x{foo}.pt'",
        ),
        (
            'network = "lenet"',
            "network must be one of cnn, lst1, lst2, reslst3, 784-10, 784-40-10, resmlp, vgg, not 'lenet'",
        ),
        ("network = 5", "network must be one of .*, not 5"),
        ('network = ["lst1"]', r"network must be one of .*, not \['lst1'\]"),
        ("widths = 4", "widths must be a table, not 4"),
        ('batch = "x"\nepoch = 3', "unknown key 'epoch', did you mean 'epochs'"),
        (
            "[widths]\nweight = 4\nactivations = 4\npixels = 4",
            r"\[widths\] has no key 'weight', did you mean 'weights'; there are weights, activations, pixels",
        ),
        ('activation = "piecewise_linear"\nknots = 1', "knots must be at least 2, not 1"),
        ('activation = "piecewise_linear"\nknots = 1025', "knots must be at most 1024, not 1025"),
        ('activation = "piecewise_linear"\nknots = 0', "knots must be at least 2, not 0"),
        ("knots = 33", "knots and per_channel belong to a learned activation, not to tanh"),
        (
            'activation = "relu"\nper_channel = true',
            "knots and per_channel belong to a learned activation, not to relu",
        ),
        ("dropout = 1.0", "dropout must be less than 1, not 1.0"),
        ("dropout = -0.1", "dropout must be at least 0, not -0.1"),
        (
            'network = "cnn"\ninit_from = "a.pt"\nwidths = {weights = 4, activations = 4, pixels = 4}',
            "widths belongs to network lst1, lst2, reslst3, 784-10, 784-40-10 or resmlp, not to cnn",
        ),
        (
            'dropout = 0.1\ninit_from = "a.pt"\nwidths = {weights = 4, activations = 4, pixels = 4}',
            "widths do not go with dropout = 0.1",
        ),
        (
            'normalize = true\ninit_from = "a.pt"\nwidths = {weights = 4, activations = 4, pixels = 4}',
            "widths do not go with normalize = True",
        ),
        ("calm_epochs = 2", "calm_epochs must lie in 0..epochs, and needs augmentation, is 2"),
        (
            "epochs = 3\ncalm_epochs = 4\naugmentation = {}",
            "calm_epochs must lie in 0..epochs, and needs augmentation, is 4",
        ),
        ("dropout = nan", "dropout must be a finite number, not nan"),
        ('schedule = "step"', "schedule must be one of one_cycle, cosine, constant, not 'step'"),
        ("weight_decay = -1e-5", "weight_decay must be at least 0, not -1e-05"),
        ("[augmentation]\ncopies = -1", "copies must be at least 0, not -1"),
        ("[augmentation]\ncopy = 1", r"\[augmentation\] has no key 'copy', did you mean 'copies'"),
        ('[distillation]\nteacher = "t.pt"', "distillation needs augmentation with copies"),
        ('[augmentation]\n[distillation]\nteacher = "t.pt"', "distillation needs augmentation with copies"),
        ("[augmentation]\ncopies = 2\n[distillation]\nweight = 0.5", r"\[distillation\] needs teacher"),
        ('[augmentation]\ncopies = 2\n[distillation]\nteacher = "/t.pt"', "teacher must be relative"),
        (
            '[distillation]\nteacher = "t.pt"\nweight = 0',
            "\\[distillation\\] weight must be more than 0, not 0",
        ),
        (
            '[distillation]\nteacher = "t.pt"\nweight = 1.5',
            "\\[distillation\\] weight must be at most 1, not 1.5",
        ),
        (
            '[distillation]\nteacher = "t.pt"\ntemperature = 0',
            "\\[distillation\\] temperature must be more than 0, not 0",
        ),
        (
            "[widths]\nweights = [4, 17]\nactivations = 4\npixels = 4",
            "\\[widths\\] weights\\[1\\] must be at most 16, not 17",
        ),
        (
            "[widths]\nweights = 4\nactivations = [4, 1]\npixels = 4",
            "\\[widths\\] activations.* must be at least 2, not 1",
        ),
        (
            "[widths]\nweights = 4\nactivations = 4\npixels = [4]",
            r"\[widths\] pixels must be a valid integer, not \[4\]",
        ),
        (
            "[widths]\nweights = 4.5\nactivations = 4\npixels = 4",
            r"\[widths\] weights must be a valid integer, not 4.5",
        ),
        ("epochs = 0", "epochs must be at least 1, not 0"),
        ('dataset = "cifar"', "dataset must be one of mnist, digits or a file .npz, not 'cifar'"),
        (
            'activation = "sigmoid"',
            "activation must be one of tanh, relu, piecewise_linear, psa, lerp_psa, b_spline, not 'sigmoid'",
        ),
        ("[widths]\nweights = 4", r"\[widths\] needs activations and pixels"),
        ("[widths]\nweights = 4\nactivations = 4\npixels = 4", "widths need init_from"),
        (
            "[widths]\nweights = 1\nactivations = 4\npixels = 4",
            "\\[widths\\] weights must be at least 2, not 1",
        ),
        (
            "[widths]\nweights = 4\nactivations = 1\npixels = 4",
            "\\[widths\\] activations.* must be at least 2, not 1",
        ),
        (
            "[widths]\nweights = 4\nactivations = 4\npixels = 9",
            "\\[widths\\] pixels must be at most 8, not 9",
        ),
        ('init_from = "/tmp/checkpoint.pt"', "init_from must be relative"),
        ('activation = "psa"\nknots = 9', "psa has no knots, lerp_psa is the same function on a grid"),
        ("epochs = ", "not TOML"),
        ('network = "resmlp"', "network resmlp needs expansion"),
        (
            'dataset = "mnist"\nnetwork = "resmlp"\nexpansion = 1.0',
            "dataset must be cifar10, not 'mnist'",
        ),
        ('dataset = "cifar10"', "dataset must be one of mnist, digits or a file .npz, not 'cifar10'"),
        ("expansion = 1.0", "expansion belongs to network resmlp"),
        ("int8 = true", "unknown key 'int8'"),
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
            "expansion must be a finite number, not nan",
        ),
        (
            'network = "resmlp"\nexpansion = 1.0\nactivation = "tanh"',
            "activation must be one of relu, psa, lerp_psa, b_spline for network resmlp, not 'tanh'",
        ),
        (
            'dataset = "cifar10"\nnetwork = "resmlp"\nexpansion = 1.0\nactivation = "lerp_psa"',
            "network resmlp with activation lerp_psa needs per_channel = true",
        ),
        (
            RESMLP + 'expansion = 6.0\ninit_from = "a.pt"\n[widths]',
            "widths take at most 512 hidden channels, not 576",
        ),
        (
            RESMLP + 'expansion = 1.0\ninit_from = "a.pt"\nweight_decay = 1e-5\n[widths]',
            "weight_decay does not go with training in integers",
        ),
        ("total_variation = -1.0", "total_variation must be at least 0, not -1.0"),
        ("total_variation = nan", "total_variation must be a finite number, not nan"),
        ("seed = -1", "seed must be at least 0, not -1"),
        (
            RESMLP + "expansion = 1.0\ndropout = 0.1",
            "dropout belongs to network lst1, .* or 784-40-10, not to resmlp",
        ),
        (
            RESMLP + "expansion = 1.0\naugmentation = {}",
            "augmentation belongs to network cnn, lst1, .* not to resmlp",
        ),
        (RESMLP + "expansion = 1.0\n[widths]", "widths need init_from"),
        (
            RESMLP + 'expansion = 1.0\ninit_from = "a.pt"\n[widths]\ncodes = 7\nresidual = 6',
            "codes must be at most residual, 6, not 7",
        ),
        (
            RESMLP + "expansion = 1.0\n[widths]\nentries = 48",
            "entries must be a power of two, at most 128, not 48",
        ),
        (
            RESMLP + "expansion = 1.0\n[widths]\nactivations = 4",
            r"\[widths\] activations belongs to network lst1",
        ),
        (
            RESMLP + "expansion = 1.0\n[picture_augmentation]\nmagnitude = 31",
            r"\[picture_augmentation\] magnitude must be at most 30, not 31",
        ),
        (
            '[augmentation]\ncopies = 2\n[distillation]\nteacher = "t.pt"\ntransfer_epochs = 2',
            r"\[distillation\] has no key 'transfer_epochs'",
        ),
        (
            RESMLP + "expansion = 1.0\n[picture_augmentation]\ncopies = -1",
            r"\[picture_augmentation\] copies must be at least 0, not -1",
        ),
        ('optimizer = "lion"', "optimizer must be one of adam, sgd, not 'lion'"),
        ("average = 1.0", "average must be less than 1, not 1.0"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_name(tmp_path, text, message):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message) as error:
        Recipe.read(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
