from dataclasses import replace

import pytest

import model.reports.accuracy
import model.training.train
from model.reports.accuracy import PAGE, run, run_all, write_page
from model.training.experiments import OTHERS, PUBLISHED, STUDENTS, TEACHER
from model.training.recipe import Recipe
from tests.model.small import small_recipe, small_split, small_test


@pytest.mark.parametrize("group", STUDENTS + PUBLISHED + OTHERS, ids=lambda group: group.recipe)
def test_every_row_has_a_recipe_that_reads(group):
    recipe = Recipe.from_settings(group.recipe, group.settings())
    assert recipe.dataset == "mnist" and ("init_from" in group.settings()) == recipe.is_quantized


def test_integer_rows_stand_below_the_float_row_they_come_from():
    floats = set()
    for group in STUDENTS:
        parent = group.settings().get("init_from")
        if parent is None:
            floats.add(f"build/train/{group.recipe}/seed{{seed}}/checkpoint.pt")
        else:
            assert parent in floats


FIGURES = {"parameters": 9978, "selected_epoch": 290, "epochs": 300, "validation": 99.0}


def test_a_cell_is_the_mean_and_the_samples_deviation_over_the_seeds():
    results = {
        f"lst1 {seed}": {**FIGURES, "recipe": "lst1", "seed": seed, "test": test}
        for seed, test in enumerate((99.0, 99.1, 99.3))
    }
    assert "| LST-1 | float | 9,978 | 0, 1, 2 | 99.13 +- 0.15 | 98.37 |" in PAGE.text(results)
    assert "The table lists 3 runs, which read the test set 3 times." in PAGE.text(results)


def test_runs_of_no_row_are_not_counted():
    assert "The table lists 1 runs, which read the test set 1 times." in PAGE.text(
        {name: {**FIGURES, "recipe": name[:-2], "seed": 0, "test": 99.0} for name in ("lst1 0", "renamed 0")}
    )


def test_an_integer_row_shows_the_integer_accuracy_and_counts_two_readings():
    text = PAGE.text(
        {"lst1_w6a4p4 0": {**FIGURES, "recipe": "lst1_w6a4p4", "seed": 0, "test": 98.0, "integer_test": 97.5}}
    )
    assert "| LST-1 | weights 6, activations 4, pixels 4 bits | 9,978 | 0 | 97.50 |" in text
    assert "The table lists 1 runs, which read the test set 2 times." in text


def test_the_page_is_written_from_what_is_kept_and_what_is_new(tmp_path, monkeypatch):
    page = replace(PAGE, path=tmp_path / "accuracy.md")
    monkeypatch.setattr(model.reports.accuracy, "PAGE", page)
    write_page({"lst1 0": {**FIGURES, "recipe": "lst1", "seed": 0, "test": 99.0}})
    write_page({"lst2 0": {**FIGURES, "recipe": "lst2", "seed": 0, "test": 99.2}})
    assert set(page.figures()) == {"lst1 0", "lst2 0"}
    text = page.path.read_text()
    assert "| lst1 | 0 |" in text and "| lst2 | 0 |" in text


@pytest.fixture
def small_data(monkeypatch, tmp_path):
    monkeypatch.setattr(model.training.train, "load_split", lambda dataset: small_split())
    monkeypatch.setattr(model.reports.accuracy, "load_split", lambda dataset: small_split())
    monkeypatch.setattr(model.reports.accuracy, "load_test", small_test)
    monkeypatch.setattr(
        model.training.train.train,
        "__kwdefaults__",
        {**model.training.train.train.__kwdefaults__, "load_test": small_test},
    )
    monkeypatch.chdir(tmp_path)


def test_a_quantised_run_is_measured_with_the_integer_reference(small_data):
    run("small", small_recipe().settings())
    aware = small_recipe(name="aware", epochs=1, init_from="build/train/small/seed{seed}/checkpoint.pt")
    figures = run("aware", {**aware.settings(), "widths": {"weights": 4, "activations": 4, "pixels": 4}})
    assert (
        figures["integer_test"] == pytest.approx(figures["test"], abs=1e-3) != figures["integer_validation"]
    )
    assert figures["integer_validation"] == pytest.approx(figures["validation"], abs=1e-3)
    assert len(figures["sha256_without_provenance"]) == 64
    assert figures["parameters"] == 9474


def test_a_finished_run_is_not_trained_again(small_data, monkeypatch):
    first = run("small", small_recipe().settings())
    monkeypatch.setattr(model.training.train.Training, "run_epoch", lambda self: pytest.fail("trained again"))
    assert run("small", small_recipe().settings()) == first


def test_teacher_and_parents_are_trained_before_those_that_start_from_them(monkeypatch, tmp_path):
    stages = []

    def fake(points, *arguments, restart):
        stages.append([point.name for point in points])
        return {
            point.name: {"recipe": point.arguments["recipe"], "seed": point.arguments["settings"]["seed"]}
            for point in points
        }

    monkeypatch.setattr(model.reports.accuracy.sweep, "run", fake)
    results = run_all([TEACHER, *STUDENTS[:2]], jobs=1)
    assert stages == [
        ["teacher-1"],
        [f"lst1-{seed}" for seed in range(5)],
        [f"lst1_w6a4p4-{seed}" for seed in range(5)],
    ]
    assert set(results) == {
        "teacher 1",
        *(f"{recipe} {seed}" for recipe in ("lst1", "lst1_w6a4p4") for seed in range(5)),
    }
