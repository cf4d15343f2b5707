"""The table helper: cells from patterns, what is left out, alignment."""

import pytest

from pages.table import confusion_table, table

ROWS = [{"name": "a", "time": {"ms": 0.5}, "size": 1000}, {"name": "b", "time": {"ms": 20.0}, "size": None}]


def test_a_cell_is_its_pattern_over_the_row():
    assert table(ROWS, {"name": "**{name}**", "time": "{time[ms]:.2f} ms"}).splitlines() == [
        "| name | time |",
        "| --- | ---: |",
        "| **a** | 0.50 ms |",
        "| **b** | 20.00 ms |",
    ]


def test_a_pattern_finds_the_keys_of_json_and_the_places_of_lists():
    rows = [{"divergence": {"32": [0.5, 0.25], "a b": None}}]
    columns = {"second": "{divergence[32][1]}", "none": "{divergence[a b][1]}"}
    assert table(rows, columns).splitlines() == ["| second |", "| ---: |", "| 0.25 |"]


def test_a_cell_without_a_figure_is_empty():
    assert table(ROWS, {"name": "{name}", "size": "{size:,} bytes"}).splitlines()[-1] == "| b |  |"


def test_a_column_without_a_single_figure_is_left_out():
    rows = [{**row, "size": None} for row in ROWS]
    assert table(rows, {"name": "{name}", "size": "{size:,}"}).splitlines()[0] == "| name |"


def test_a_figure_that_is_missing_is_an_error():
    with pytest.raises(KeyError, match="seize"):
        table(ROWS, {"size": "{seize}"})


def test_a_table_without_a_single_figure_of_ours_is_not_shown():
    theirs = [{**row, "of_others": True} for row in ROWS]
    assert table(theirs, {"name": "{name}"}) == table([], {"name": "{name}"}) == ""
    assert table([*theirs, {"name": "ours"}], {"name": "{name}"}).count("\n") == 4


@pytest.mark.parametrize("cell", ["1", "-0.77", "+0.01", "12,345.6", "99.10 %", "99.24 +- 0.07", "0.1 us"])
def test_numbers_are_aligned_to_the_right(cell):
    assert "---:" in table([{"cell": cell}, {"cell": None}], {"cell": "{cell}"})


@pytest.mark.parametrize("cell", ["3, 3, 4", "0, 1", "5 to 4 bits", "Q6.7", "784-10"])
def test_what_is_no_number_is_aligned_to_the_left(cell):
    assert "---:" not in table([{"cell": cell}], {"cell": "{cell}"})


def test_a_confusion_matrix_has_a_row_per_label():
    assert confusion_table([[5, 1], [0, 7]]).splitlines()[1:] == [
        "| --- | ---: | ---: |",
        "| **0** | 5 | 1 |",
        "| **1** | · | 7 |",
    ]


def test_a_confusion_matrix_shows_the_names_of_the_classes():
    lines = confusion_table([[5, 1], [0, 7]], ["cat", "dog"]).splitlines()
    assert lines[0] == "|  | cat | dog |" and lines[2] == "| **cat** | 5 | 1 |"
