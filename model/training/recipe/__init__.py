"""A recipe: everything that decides what a training run does, read from a TOML file in recipes/.

`Recipe` holds the keys that all networks share. Each network family is one class derived from it, marked
`@family`, in a module of this folder: its own keys with their ranges, the rules between them, and how to
build the network in real numbers and in integers. All other code asks the recipe and knows no family. To add
a family, write its class and import it here.
"""

from model.training.recipe.base import DIRECTORY, Recipe, quoted_file
from model.training.recipe.digits import CNNRecipe, LSTRecipe, MLPRecipe
from model.training.recipe.errors import RecipeError
from model.training.recipe.resmlp import ResMLPRecipe
from model.training.recipe.tables import Distillation, ResMLPWidths, Widths
from model.training.recipe.vgg import VGGRecipe

__all__ = [
    "DIRECTORY",
    "CNNRecipe",
    "Distillation",
    "LSTRecipe",
    "MLPRecipe",
    "Recipe",
    "RecipeError",
    "ResMLPRecipe",
    "ResMLPWidths",
    "VGGRecipe",
    "Widths",
    "quoted_file",
]
