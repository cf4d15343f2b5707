"""epochs.csv beside a checkpoint."""

import csv

import pytest

from model.training import epoch_log
from model.training.train import train
from tests.model.small import small_recipe, small_split, small_test


def run(directory, epochs, **options):
    return train(small_recipe(epochs=epochs), directory, split=small_split(), load_test=small_test, **options)


def rows(directory):
    with open(directory / epoch_log.NAME, newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_logs_each_epoch_also_across_an_interruption(tmp_path):
    run(tmp_path, 3, stop_after=1)
    state = run(tmp_path, 3)
    logged = rows(tmp_path)
    assert [int(row["epoch"]) for row in logged] == [1, 2, 3]
    best = state["selected"]
    assert float(logged[best["epoch"] - 1]["validation_accuracy"]) == pytest.approx(
        best["validation_accuracy"], abs=1e-4
    )
    assert all(float(row["core_seconds"]) > 0 and float(row["loss"]) > 0 for row in logged)


def test_a_restart_begins_a_new_log(tmp_path):
    run(tmp_path, 2)
    run(tmp_path, 1, restart=True)
    assert [row["epoch"] for row in rows(tmp_path)] == ["1"]


def test_core_hours_are_the_sum_over_epochs_of_which_the_latest_entry_counts(tmp_path):
    epoch_log.begin(tmp_path)
    for epoch, seconds in ((1, 1800.0), (2, 99.0), (2, 3600.0)):  # the second was interrupted
        epoch_log.append(tmp_path, epoch, 1.0, 0.5, seconds)
    assert epoch_log.core_hours(tmp_path) == 1.5


def test_a_log_without_all_epochs_gives_no_core_hours(tmp_path):
    assert epoch_log.core_hours(tmp_path) is None
    epoch_log.append(tmp_path, 2, 1.0, 0.5, 60.0)
    assert epoch_log.core_hours(tmp_path) is None
    (tmp_path / epoch_log.NAME).write_text("epoch,loss,validation_accuracy,core_seconds\n1,0.5")
    assert epoch_log.core_hours(tmp_path) is None
