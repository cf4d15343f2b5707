"""The page of learned functions: cells, means, what is empty; and that the page in the tree is what its figures say."""

import json

import pytest

from model.reports.learned_functions import (
    BENCHMARK,
    EXPANSIONS,
    FUNCTIONS,
    MNIST_RESULTS,
    PAGE,
    RESULTS,
    asked,
    cell,
    finished,
    groups,
    page,
    resmlp_group,
)
from model.reports.learned_pictures import draw
from model.training.checkpoint import save_checkpoint
from model.training.recipe import Recipe
from tests import ROOT

KNOWN = {
    "resmlp_short-relu-1 1": {"test": 78.0},
    "resmlp_short-relu-1 3": {"test": 80.0},
    "resmlp_short_int8-relu-1 1": {"test": 77.0, "integer_test": 77.5},
    "resmlp-lerp_psa-0.5 1": {"test": 86.0},
}


def read(path):
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def test_a_cell_holds_its_seeds_and_of_integers_the_integer_accuracy():
    assert cell(KNOWN, "resmlp_short", "relu", 1.0) == [78.0, 80.0]
    assert cell(KNOWN, "resmlp_short_int8", "relu", 1.0) == [77.5]
    assert cell(KNOWN, "resmlp_short", "relu", 0.5) == []


def test_the_page_has_means_and_empty_cells_and_the_commands_that_fill_them():
    text = page(KNOWN, read(MNIST_RESULTS), None)
    assert "| ReLU |  | 79.00 +- 1.41 |  |  |" in text and "| ReLU, INT8 |  | 77.50 |  |  |" in text
    assert "| B-spline, INT8 |  |  |  |  |" in text
    assert (
        "python -m model train recipes/resmlp_short_int8.toml --activation lerp_psa --expansion 0.25 --seed 1"
        in text
    )
    assert "python -m benchmarks.activations --write" in text
    assert "| 1 | 6,587,328 | 49,152 | 98,304 |" in text and "| 41.7 % |" in text


def test_published_figures_stand_beside_ours():
    text = page({}, read(MNIST_RESULTS), None)
    assert (
        "| LERP-PSA, published | 89.0 | 88.3 | 85.9 | 84.2 |" in text
        and "| LERP-PSA, INT8, published |  | 88.1 |  |  |" in text
    )


@pytest.mark.parametrize("recipe", ["resmlp_short", "resmlp_short_int8", "resmlp", "resmlp_int8"])
def test_every_cell_has_a_recipe_that_reads(recipe):
    for activation in FUNCTIONS:
        for expansion in EXPANSIONS:
            group = resmlp_group(recipe, activation, expansion)
            chosen = Recipe.from_settings(group.recipe, group.settings())
            assert (chosen.activation, chosen.expansion, chosen.int8) == (
                activation,
                expansion,
                recipe.endswith("_int8"),
            )


def test_what_is_asked_has_a_float_cell_for_each_in_integers():
    names = [group.recipe for group in asked()]
    for name in names:
        assert name.replace("_int8", "") in names


def test_cells_asked_for_and_finished_are_one_group_each(monkeypatch):
    monkeypatch.setattr(
        "model.reports.learned_functions.finished",
        lambda known: [resmlp_group("resmlp_short", "relu", 1.0, [2])],
    )
    found = {group.recipe: list(group.seeds) for group in groups(train=True)}
    assert found["resmlp_short-relu-1"] == [1, 2, 3] and len(found) == len(asked())
    assert [list(group.seeds) for group in groups(train=False)] == [[2]]


def test_a_run_is_measured_when_it_is_finished_and_not_again(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(
        "model.reports.learned_functions.directory_of",
        lambda recipe: tmp_path / recipe.name / str(recipe.seed),
    )
    path = tmp_path / "resmlp_short-relu-1" / "2" / "checkpoint.pt"
    state = {"selected": {"epoch": 19}, "epoch": 20}
    save_checkpoint(path, state)
    assert list(finished({})) == []
    save_checkpoint(path, {**state, "test_accuracy": 0.78})
    assert [(group.recipe, list(group.seeds)) for group in finished({})] == [("resmlp_short-relu-1", [2])]
    assert list(finished({"resmlp_short-relu-1 2": {"selected_epoch": 19, "test": 78.0}})) == []
    assert len(list(finished({"resmlp_short-relu-1 2": {"selected_epoch": 18, "test": 78.0}}))) == 1


def test_pictures_are_drawn_from_any_results(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    drawn = draw(KNOWN, tmp_path)
    assert (tmp_path / "learned_functions.svg") in drawn and all(
        path.read_text().startswith("<?xml") for path in drawn
    )
    assert [path.read_bytes() for path in draw(KNOWN, tmp_path / "again")] == [
        path.read_bytes() for path in drawn
    ]


def test_the_page_in_the_tree_is_what_its_figures_say(monkeypatch):
    monkeypatch.chdir(ROOT)
    benchmark = read(BENCHMARK) if (ROOT / BENCHMARK).is_file() else None
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(read(RESULTS), read(MNIST_RESULTS), benchmark)
