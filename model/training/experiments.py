"""The runs behind the tables of docs/: recipes, and the seeds over which each of them is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Sequence

from model.training.recipe import Recipe

FUNCTIONS = {"relu": "ReLU", "b_spline": "B-spline", "lerp_psa": "LERP-PSA"}
PRECISIONS = {"": "", "_int8": "INT8", "_w5a6": "W5A6"}  # what a recipe of integers adds to its name
EXPANSIONS = (2.0, 1.0, 0.5, 0.25)
SEEDS = (1, 2, 3)
RESMLP = "resmlp"
TAUGHT = tuple(f"{RESMLP}{precision}" for precision in PRECISIONS)
CIFAR10_TEACHER = "cifar10_teacher"
CLAIMED = (("lerp_psa", 1.0), ("relu", 2.0), ("lerp_psa", 0.5), ("relu", 1.0))  # compared by the paper


@dataclass(frozen=True)
class Group:
    """A recipe that is run over seeds. published: the accuracy to compare it with, in percent."""

    recipe: str
    network: str
    precision: str
    seeds: Sequence[int]
    published: str = ""

    def settings(self) -> Dict[str, Any]:
        return Recipe.named(self.recipe).settings()


FLOAT, W6A4P4, ROW_PARALLEL, P2, W3 = (
    "float",
    "weights 6, activations 4, pixels 4 bits",
    "W1, W2 5, classifier 4, activations 4, pixels 4 bits",
    "weights 4, activations 4, pixels 2 bits",
    "weights 3, classifier 4, activations 4, pixels 4 bits",
)
TEACHER = Group("teacher", "convolutional teacher", FLOAT, range(1, 2))
STUDENTS = (
    Group("lst1", "LST-1", FLOAT, range(5), "98.37"),
    Group("lst1_w6a4p4", "LST-1", W6A4P4, range(5)),
    Group("lst1_w5c4a4p4", "LST-1", ROW_PARALLEL, range(5)),
    Group("lst1_w4a4p2", "LST-1", P2, range(5)),
    Group("lst1_row_pairs", "LST-1, row pairs", FLOAT, range(5)),
    Group("lst1_row_pairs_w4a4p2", "LST-1, row pairs", P2, range(5)),
    Group("lst2", "LST-2", FLOAT, range(3), "98.34"),
    Group("lst2_w6a4p4", "LST-2", W6A4P4, range(3)),
    Group("lst2_w3c4a4p4", "LST-2", W3, range(1)),
    Group("reslst3", "ResLST-3", FLOAT, range(3), "98.53"),
    Group("reslst3_w6a4p4", "ResLST-3", W6A4P4, range(3)),
)
PUBLISHED = (
    Group("published_lst1", "LST-1", "published recipe", range(3), "98.02"),
    Group("published_lst1_cosine", "LST-1", "published recipe, cosine", range(3), "98.37"),
    Group("published_lst2", "LST-2", "published recipe", range(1), "98.34"),
    Group("published_lst2_cosine", "LST-2", "published recipe, cosine", range(1)),
    Group("published_reslst3", "ResLST-3", "published recipe", range(1), "98.53"),
    Group("published_reslst3_cosine", "ResLST-3", "published recipe, cosine", range(1)),
)
OTHERS = (
    TEACHER,
    Group("lst1_tanh", "LST-1, tanh", FLOAT, range(1, 4)),
    Group("lst1_lerp_psa", "LST-1, LERP-PSA", FLOAT, range(1, 4)),
    Group("lst1_lerp_psa_channels", "LST-1, LERP-PSA, one per channel", FLOAT, range(1, 4)),
    Group("mlp_784_10", "784-10", FLOAT, range(1, 2)),
    Group("mlp_784_40_10", "784-40-10", FLOAT, range(1, 2)),
)


def resmlp_group(recipe: str, activation: str, expansion: float, seeds: Sequence[int] = SEEDS) -> Group:
    """Return the runs of one cell."""
    precision = next((name for end, name in PRECISIONS.items() if end and recipe.endswith(end)), "float")
    return Group(
        f"{recipe}-{activation}-{expansion:g}",
        f"ResMLP, h = {expansion:g}, {FUNCTIONS[activation]}",
        precision,
        seeds,
    )


# Students and seeds in the order in which they are trained while there is time.
_ORDER = [
    ("lerp_psa", 1.0, 1),
    ("relu", 1.0, 1),
    ("relu", 2.0, 1),
    ("lerp_psa", 0.5, 1),
    ("lerp_psa", 2.0, 1),
    ("b_spline", 1.0, 1),
    *((activation, expansion, seed) for seed in (2, 3) for activation, expansion in CLAIMED),
]


def chains(teacher: str) -> List[List[Recipe]]:
    """Return for each student its recipes: in real numbers, in INT8, and with weights of 5 bits.

    teacher: the checkpoint of their teacher.
    """
    chosen = []
    for activation, expansion, seed in _ORDER:
        recipes = [Recipe.named(f"{name}-{activation}-{expansion:g}") for name in TAUGHT]
        chosen.append(
            [
                recipe.changed(seed=seed, distillation={**asdict(recipe.distillation), "teacher": teacher})
                for recipe in recipes
            ]
        )
    return chosen
