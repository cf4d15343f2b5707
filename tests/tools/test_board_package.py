"""docs/board_package.md is what its figures say, and each command replaces its own part alone."""

from dataclasses import replace

from tools import board_package


def test_the_page_in_the_tree_is_what_its_figures_say():
    page = board_package.PAGE
    assert page.path.read_text(encoding="utf-8") == page.text(page.figures()), "python -m tools.board_package"


def test_a_part_is_replaced_and_the_others_stay(tmp_path, monkeypatch):
    before = board_package.PAGE.figures()
    page = replace(board_package.PAGE, path=tmp_path / "board_package.md")
    page.write(before)
    monkeypatch.setattr(board_package, "PAGE", page)
    boards = [{**before["soak"]["boards"][0], "errors": {"HardwareError": 1, "AnotherError": 2}}]
    board_package.keep("soak", {**before["soak"], "boards": boards, "violations": ["wlast"]})
    after = page.figures()
    assert after["matrix"] == before["matrix"] and after["driver"] == before["driver"]
    text = page.path.read_text()
    assert "| 2 AnotherError, 1 HardwareError |" in text and "Bus rules broken: wlast." in text
