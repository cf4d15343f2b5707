"""Runs within a given time: in order, in processes of their own, with as many epochs as fit."""

import pytest

from model.training import budget, copies
from model.training.augment import Augmentation
from model.training.budget import BudgetError, train_for, train_within
from model.training.checkpoint import load_checkpoint, recipe_of
from model.training.recipe import Distillation, Widths
from tests.model.small import recipe, small_recipe

TEACHER = recipe("teacher", network="cnn", dataset="digits", epochs=1)


def chain(seed, epochs=2):
    """A student and the same in integers, taught by TEACHER."""
    common = {
        "seed": seed,
        "batch": 100,
        "augmentation": Augmentation(copies=2),
        "distillation": Distillation("build/train/teacher/seed1/checkpoint.pt"),
    }
    student = small_recipe(name="student", epochs=epochs, **common)
    parent = "build/train/student/seed{seed}/checkpoint.pt"
    return [
        student,
        small_recipe(name="integers", epochs=1, widths=Widths(6, 4, 4), init_from=parent, **common),
    ]


@pytest.fixture(autouse=True)
def in_an_empty_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_teacher_students_and_integers_are_trained_in_order_and_not_again(monkeypatch):
    wanted = [
        "build/train/teacher/seed1/checkpoint.pt",
        *(
            f"build/train/{name}/seed{seed}/checkpoint.pt"
            for seed in (1, 2)
            for name in ("student", "integers")
        ),
    ]
    for _ in range(2):
        found = train_within(600, TEACHER, [chain(1), chain(2)], jobs=2)
        assert [path.as_posix() for path in found] == wanted
        assert all("test_accuracy" in load_checkpoint(path) for path in found)
        monkeypatch.setattr(budget, "seconds_of_an_epoch", None)  # nothing is left to be measured


def test_a_run_has_as_many_epochs_as_fit_into_its_time(monkeypatch):
    monkeypatch.setattr(budget, "seconds_of_an_epoch", lambda recipe, device: 2.0)
    for seconds, epochs in ((7.0, 3), (1000.0, 5)):
        student = small_recipe(name=f"for{epochs}", epochs=5)
        state = load_checkpoint(train_for(seconds, student))
        assert state["epoch"] == recipe_of(state).epochs == epochs


def test_an_interrupted_run_goes_on_with_its_own_epochs(monkeypatch):
    monkeypatch.setattr(budget, "seconds_of_an_epoch", lambda recipe, device: 2.0)
    student, train = small_recipe(name="student", epochs=5), budget.train
    monkeypatch.setattr(budget, "train", lambda *given, **options: train(*given, stop_after=1, **options))
    assert load_checkpoint(train_for(7.0, student))["epoch"] == 1
    monkeypatch.setattr(budget, "train", train)
    assert load_checkpoint(train_for(0.0, student))["epoch"] == 3


def test_a_time_too_short_for_an_epoch_is_one_error_and_leaves_earlier_results(monkeypatch):
    monkeypatch.setattr(budget, "seconds_of_an_epoch", lambda recipe, device: 60.0)
    with pytest.raises(
        BudgetError, match="teacher seed 1: 1.5 s are left for the run, and an epoch takes 60.0 s"
    ):
        train_within(10.0, TEACHER, [chain(1)])


def test_a_student_without_time_is_left_out(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = train_for(600, TEACHER)
    before = path.read_bytes()
    with pytest.raises(BudgetError, match="no time was left for student seed 1: allow more minutes"):
        train_within(0.0, TEACHER, [chain(1)])
    assert path.read_bytes() == before and not list(tmp_path.glob("build/train/student"))


def test_the_speed_is_measured_on_a_run_that_leaves_no_trace(tmp_path):
    assert 0 < budget.seconds_of_an_epoch(small_recipe(augmentation=None), "cpu") < 60
    assert not list(tmp_path.glob("build/train/*")) and copies.DIRECTORY.as_posix() == "build/copies"
