from pathlib import Path

import pytest

from lst_overlay.network import load_network
from model.recipe import Recipe, RecipeError
from tests.network.networks import SHIPPED

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_reads_and_carries_its_files_name(path):
    assert Recipe.read(path).name == path.stem


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_networks_quote_the_recipe_that_is_in_the_tree(path):
    provenance = load_network(path).provenance
    recipe = next(recipe for recipe in RECIPES if recipe.stem == provenance["recipe"])
    assert Recipe.read(recipe).settings() == provenance["recipe_settings"]


def test_settings_make_the_same_recipe_again():
    recipe = Recipe.read(next(path for path in RECIPES if path.stem == "lst1_w6a4"))
    assert Recipe.from_settings(recipe.name, recipe.settings()) == recipe


@pytest.mark.parametrize("text, message", [
    ("epoch = 3", "epoch"),
    ("epochs = 0", "epochs must be positive, not 0"),
    ('dataset = "cifar"', "dataset must be one of mnist, digits, not 'cifar'"),
    ('activation = "relu"', "activation must be one of tanh"),
    ("[widths]\nweights = 4", "missing"),
    ("[widths]\nweights = 4\nactivations = 4\npixels = 4", "widths need init_from"),
    ("[widths]\nweights = 1\nactivations = 4\npixels = 4", "widths: weights must have 2..16 bits, not 1"),
    ("[widths]\nweights = 4\nactivations = 1\npixels = 4", "widths: activations must have 2..16 bits, not 1"),
    ("[widths]\nweights = 4\nactivations = 4\npixels = 9", "widths: pixels must have 1..8 bits, not 9"),
    ('init_from = "/tmp/checkpoint.pt"', "init_from must be relative"),
    ("epochs = ", "not TOML"),
])
def test_a_wrong_recipe_is_refused_with_its_name(tmp_path, text, message):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message) as error:
        Recipe.read(path)
    assert "wrong" in str(error.value) or "widths" in str(error.value)
