"""The page of learned functions: cells, means, what was not run, and its pictures."""

import json
from dataclasses import replace

import pytest

from model.reports import accuracy, learned_page
from model.reports.learned_functions import cell, claims, counted_operations, finished
from model.training.checkpoint import save_checkpoint
from model.training.experiments import EXPANSIONS, FUNCTIONS, resmlp_group
from model.training.recipe import Recipe
from pages.page import render
from tests import ROOT


def run(test, seed=1, **figures):
    """The figures of a run, as the page keeps them."""
    return {
        "recipe": "resmlp-relu-1",
        "seed": seed,
        "epochs": 240,
        "selected_epoch": 239,
        "validation": 81.0,
        "test": test,
        **figures,
    }


KNOWN = {
    "resmlp-relu-1 1": run(78.0, core_hours=1.25),
    "resmlp-relu-1 3": run(80.0, 3),
    "resmlp_int8-relu-1 1": run(77.0, integer_test=77.5),
    "resmlp-lerp_psa-0.5 1": run(86.0),
}


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


def page(runs, benchmark=None):
    figures = {"runs": runs, "operations": learned_page.PAGE.figures()["operations"]}
    return render(learned_page.PAGE.template, learned_page.view(figures, accuracy.PAGE.figures(), benchmark))


def test_a_cell_holds_its_seeds_and_of_integers_the_integer_accuracy():
    assert cell(KNOWN, "resmlp", "relu", 1.0) == [78.0, 80.0]
    assert cell(KNOWN, "resmlp_int8", "relu", 1.0) == [77.5]
    assert cell(KNOWN, "resmlp", "relu", 0.5) == []


def test_the_page_has_means_and_empty_cells_and_the_commands_that_fill_them():
    text = page(KNOWN)
    assert "| function | h = 2 | h = 1 | h = 0.5 | h = 0.25 |" in text
    assert "| ReLU |  | 79.00 +- 1.41 |  |  |" in text and "| LERP-PSA |  |  | 86.00 |  |" in text
    assert "python -m model train recipes/resmlp_int8.toml --activation lerp_psa --expansion 1" in text
    assert "Not measured yet: `python -m benchmarks.activations --write`" in text


def test_what_was_not_run_at_all_has_no_row():
    assert "| ReLU, INT8 |  | 77.50 |" in page(KNOWN) and "B-spline, INT8 |" not in page(KNOWN)


def test_published_figures_stand_beside_ours():
    assert "| LERP-PSA, published | 89.0 | 88.3 | 85.9 | 84.2 |" in page(KNOWN)
    assert "| LERP-PSA, INT8, published |  | 88.1 |  |  |" in page(KNOWN)


def test_a_run_has_its_accuracies_and_core_hours_where_they_were_counted():
    text = page(KNOWN)
    assert "| resmlp-relu-1 | 1 | 240 | 239 | 81.00 | 78.00 | 1.25 |" in text
    assert "| resmlp-relu-1 | 3 | 240 | 239 | 81.00 | 80.00 |  |" in text


def test_the_claim_is_compared_where_both_were_run_with_the_error_of_the_test_images():
    runs = {"resmlp-lerp_psa-0.5 1": run(86.0), "resmlp-relu-1 1": run(86.0)}
    (row,) = claims({**runs, "resmlp-relu-2 1": run(87.0)})
    assert (row["recipe"], row["expansion"], row["difference"]) == ("resmlp", 0.5, 0.0)
    assert row["error"] == pytest.approx((2 * 86 * 14 / 10_000) ** 0.5)
    assert "| resmlp | 0.5 | 86.00 | 86.00 | +0.00 +- 0.49 |" in page(runs)
    spread = {f"resmlp-relu-1 {seed}": run(80.0 + 6 * seed) for seed in (1, 2)}
    spread |= {f"resmlp-lerp_psa-0.5 {seed}": run(89.0) for seed in (1, 2)}
    assert claims(spread)[0]["error"] == pytest.approx((18 / 2) ** 0.5)


def test_operations_are_counted_for_every_width():
    counted = counted_operations()
    assert counted == learned_page.PAGE.figures()["operations"]
    assert [row["expansion"] for row in counted] == list(EXPANSIONS)
    assert "| 1 | 6,587,328 | 49,152 | 98,304 |" in page(KNOWN) and "| 41.7 % |" in page(KNOWN)


@pytest.mark.parametrize("recipe", ["resmlp", "resmlp_int8", "resmlp_w5a6"])
def test_every_cell_has_a_recipe_that_reads(recipe):
    for activation in FUNCTIONS:
        for expansion in EXPANSIONS:
            group = resmlp_group(recipe, activation, expansion)
            chosen = Recipe.from_settings(group.recipe, group.settings())
            assert (chosen.activation, chosen.expansion, chosen.is_quantized) == (
                activation,
                expansion,
                recipe.endswith(("_int8", "_w5a6")),
            )


def test_a_run_is_measured_when_it_is_finished_and_not_again(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "model.reports.learned_functions.directory_of",
        lambda recipe: tmp_path / recipe.name / str(recipe.seed),
    )
    path = tmp_path / "resmlp-relu-1" / "2" / "checkpoint.pt"
    state = {"selected": {"epoch": 19}, "epoch": 20, "recipe_name": "", "recipe": {}, "ancestors": {}}
    save_checkpoint(path, state)
    assert list(finished({})) == []
    save_checkpoint(path, {**state, "test_accuracy": 0.78})
    assert [(group.recipe, list(group.seeds)) for group in finished({})] == [("resmlp-relu-1", [2])]
    assert list(finished({"resmlp-relu-1 2": {"selected_epoch": 19, "test": 78.0}})) == []
    assert len(list(finished({"resmlp-relu-1 2": {"selected_epoch": 18, "test": 78.0}}))) == 1


def test_pictures_are_drawn_from_any_results(tmp_path):
    figures = {"runs": KNOWN}
    drawn = learned_page.draw(figures, tmp_path)
    assert tmp_path / "images" / "learned_functions.svg" in drawn
    again = learned_page.draw(figures, tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in drawn]


def test_the_benchmark_is_shown_against_relu_and_exact_psa():
    benchmark = json.loads(learned_page.BENCHMARK.read_text(encoding="utf-8"))
    text = page(KNOWN, {**benchmark, "repeats": 7, "steps": [{"network": "ReLU", "seconds": 0.1}]})
    assert "the fastest of 7 runs" in text and "| ReLU | 100 | 1.00 |" in text


def test_results_are_added_to_what_is_kept(tmp_path, monkeypatch):
    operations = learned_page.PAGE.figures()["operations"]
    monkeypatch.setattr(learned_page, "counted_operations", lambda: operations)
    kept = replace(learned_page.PAGE, path=tmp_path / "learned_functions.md", draw=None)
    monkeypatch.setattr(learned_page, "PAGE", kept)
    learned_page.write_page({"resmlp-relu-1 1": run(78.0)})
    learned_page.write_page({"resmlp-relu-1 2": run(79.0, 2)})
    assert set(learned_page.runs_kept()) == {"resmlp-relu-1 1", "resmlp-relu-1 2"}
    assert "| ReLU |  | 78.50 +- 0.71 |" in kept.path.read_text()
