"""The pages in the tree are what their figures say; what is written from other figures."""

from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateware.designs import ENGINES, shipped_for
from gateware.reports import ladder, register_docs, results
from gateware.reports.published import ON_BOARDS
from gateware.reports.render import PAGES
from gateware.reports.report import latency_text
from gateware.reports.simulate import SimulationFailure
from gateware.toolchain.resources import Resources
from lst_overlay.network import load_network
from lst_overlay.registers import REGISTERS, ErrorCode
from lst_overlay.samples.shipped_networks import DEFAULT, find


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.stem)
def test_a_page_in_the_tree_is_what_its_figures_say(page):
    for path, text in page.texts(page.figures()).items():
        assert path.read_text(encoding="utf-8") == text, f"{path} is stale: python -m gateware render"


@pytest.mark.parametrize("page", [page for page in PAGES if page.draw], ids=lambda page: page.path.stem)
def test_a_picture_in_the_tree_is_what_its_figures_say(page, tmp_path):
    for path in page.draw(page.figures(), tmp_path):
        assert path.read_bytes() == (page.path.parent / path.relative_to(tmp_path)).read_bytes(), path.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.stem)
def test_figures_that_change_change_every_text(page):
    before = page.texts(page.figures())
    after = page.texts(_with_other_figures(page.figures()))
    assert all(after[path] != text for path, text in before.items())


def _with_other_figures(figures):
    """The figures with 1 added to each accuracy and to each estimate of wires."""
    if isinstance(figures, list):
        return [_with_other_figures(value) for value in figures]
    if isinstance(figures, dict):
        changed = {key: _with_other_figures(value) for key, value in figures.items()}
        raised = [key for key in ("accuracy", "test", "wires") if isinstance(figures.get(key), float)]
        return changed | {key: figures[key] + 1 for key in raised}
    return figures


def test_every_engine_is_measured_and_listed():
    assert {engine for engine, _ in ladder.rungs()} == set(ENGINES)
    shown = ladder.view(ladder.PAGE.figures())
    assert [row["name"] for row in shown["engines"]] == list(ENGINES)
    assert {rung["ideal"]["engine"] for rung in shown["rungs"]} == set(ENGINES)


def test_an_engine_that_is_declared_is_measured_with_the_networks_that_it_names(monkeypatch):
    monkeypatch.setitem(ENGINES, "new", replace(ENGINES["folded"], name="new", measured_with=("one", "two")))
    assert list(ladder.rungs())[-2:] == [("new", "one"), ("new", "two")]


class AtOnce:
    """An executor that does at once what it is asked for."""

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, *arguments):
        answer = Future()
        answer.set_result(function(*arguments))
        return answer


def test_each_command_replaces_its_own_figures_of_the_ladder_alone(monkeypatch, tmp_path):
    figures = ladder.PAGE.figures()
    excerpts = tuple(replace(excerpt, path=tmp_path / excerpt.path.name) for excerpt in ladder.PAGE.excerpts)
    for excerpt, copy in zip(ladder.PAGE.excerpts, excerpts):
        copy.path.write_text(excerpt.path.read_text())
    monkeypatch.setattr(ladder, "PAGE", replace(ladder.PAGE, path=tmp_path / "ladder.md", excerpts=excerpts))
    ladder.PAGE.write(figures)
    monkeypatch.setattr(ladder, "ProcessPoolExecutor", AtOnce)
    monkeypatch.setattr(ladder.datasets, "load", lambda *_: None)
    area = {key: value for key, value in figures["core"].items() if key != "content"}
    synthesised = Resources(**{**dict.fromkeys(Resources.__dataclass_fields__, ""), **area, "findings": []})
    monkeypatch.setattr(ladder, "_resources", lambda *_: synthesised)
    reports = {
        (rung["ideal"]["engine"], rung["ideal"]["network"]): {
            name: rung[name] for name in ("ideal", "default")
        }
        for rung in figures["rungs"]
    }
    monkeypatch.setattr(ladder, "rungs", lambda: list(reports))  # one that is new has no figures yet
    monkeypatch.setattr(ladder, "_reports", lambda engine, network: reports[engine, network])
    netlists = {key: dict(pair["ideal"]) for key, pair in reports.items()}
    monkeypatch.setattr(ladder, "netlist_report", lambda engine, network: netlists[engine, network])
    ladder.write_ladder()
    measured = ladder.PAGE.figures()
    assert measured["python"] == figures["python"]
    assert [rung["ideal"] for rung in measured["rungs"]] == [rung["ideal"] for rung in figures["rungs"]]
    assert {rung["top"]["lut"] for rung in measured["rungs"]} == {figures["core"]["lut"]}
    ladder.keep_python({**figures["python"], "machine": "another"})
    assert ladder.PAGE.figures() == {**measured, "python": {**figures["python"], "machine": "another"}}
    assert "on another" in (tmp_path / "README.md").read_text()
    netlists["pixel_pairs", "lst1_w6a4p4"]["bit_exact_images"] -= 1
    with pytest.raises(SimulationFailure, match="these are wrong: the netlist of pixel_pairs lst1_w6a4p4$"):
        ladder.write_ladder()


RESMLP = ENGINES["resmlp_array"].network


@pytest.mark.parametrize(
    "engine, network, dataset, images",
    [("folded", DEFAULT, "mnist", 18_668), ("slow", RESMLP, "cifar10", 1_500)],
)
def test_a_rung_takes_the_data_set_of_its_network_and_as_many_images_as_its_cycles_allow(
    monkeypatch, engine, network, dataset, images
):
    monkeypatch.setitem(
        ENGINES, "slow", replace(ENGINES["pixel_serial"], cycles_per_image=20_000, cycles=None)
    )
    asked = []

    def simulate(*arguments, **_):
        asked.append(arguments)
        return SimpleNamespace(report={})

    monkeypatch.setattr(ladder, "simulate", simulate)
    monkeypatch.setattr(ladder, "build_simulated_bitstream", lambda *_, **__: None)
    ladder._reports(engine, network)
    assert asked == [(dataset, network, images, memory) for memory in ("ideal", "default")]


def test_the_rungs_ascend_and_keep_the_cycles_that_their_engines_declare():
    reports = [rung["ideal"] for rung in ladder.PAGE.figures()["rungs"]]
    cycles = [
        round(
            (report["cycles_per_image"] * report["images"] - report["latency_cycles"])
            / (report["images"] - 1)
        )
        for report in reports
    ]
    assert cycles == sorted(cycles, reverse=True)
    assert cycles == [
        ENGINES[report["engine"]].cycles_of(load_network(find(report["network"]))) for report in reports
    ]


def test_pages_agree_on_a_design_that_both_measure():
    """If they do not, one of `make ladder` and `make results` is older than the design."""
    ours = {
        (run["engine"], run["network"], run["memory_model"]): run for run in results.PAGE.figures()["runs"]
    }
    both = 0
    for rung in ladder.PAGE.figures()["rungs"]:
        for memory in ("default", "ideal"):
            run = rung[memory]
            other = ours.get((run["engine"], run["network"], memory))
            if other is not None and other["dataset"] == run["dataset"]:
                both += 1
                assert {key: other[key] for key in run if key != "host_pack_us_per_image"} == {
                    key: run[key] for key in run if key != "host_pack_us_per_image"
                }
    assert both >= 2
    for item in results.PAGE.figures()["resources"]:
        if item["scope"] == "top":
            rung = next(r for r in ladder.PAGE.figures()["rungs"] if r["ideal"]["engine"] == item["design"])
            assert {key: item[key] for key in ("lut", "ff", "ramb18", "dsp48e1")}.items() <= rung[
                "top"
            ].items()


def test_both_pages_show_the_latency_in_the_same_words():
    figures = results.PAGE.figures()
    (run,) = [
        run for run in figures["runs"] if run["network"] == DEFAULT and run["memory_model"] == "default"
    ]
    shown = f"| {latency_text(run)} |"
    assert shown in results.PAGE.text(figures) and shown in ladder.PAGE.text(ladder.PAGE.figures())
    assert "us" in shown and f"{run['latency_cycles']:,} cycles" in shown


def test_the_comparison_shows_every_system_and_ours_with_how_the_figures_came_about():
    text = ladder.PAGE.text(ladder.PAGE.figures()).split("## Beside systems of others")[1].split("\n## ")[0]
    for system in ON_BOARDS:
        row = next(line for line in text.splitlines() if line.startswith(f"| {system['name']} |"))
        assert f"{system['images_per_second']:,}" in row and system["conditions"] in row
    assert text.count("measured on the board") == len(ON_BOARDS) - 1
    ours = [line for line in text.splitlines() if line.startswith("| ours: ")]
    assert len(ours) == 2 and all("simulated" in row and "MHz assumed" in row for row in ours)
    assert "teacher" in text and "augmented" in text


def test_the_first_screen_has_the_factor_by_clock_and_by_cycles():
    main = results.view(results.PAGE.figures())["main"]
    text = " ".join(results.PAGE.excerpts[0].text(results.view(results.PAGE.figures())).split())
    by_clock, by_cycles = main["images_per_second"] / 9890, 4934 / main["cycles_per_image"]
    assert f"{by_clock:.1f} times as fast at its assumed clock, {by_cycles:.1f} times by cycles alone" in text
    assert "augmentation and a teacher" in text.split("make demo")[0]


def test_the_factors_are_those_of_the_default_network_under_the_default_memory():
    figures = results.PAGE.figures()
    before = results.view(figures)["times_as_fast"]
    for run in figures["runs"]:
        if (run["network"], run["memory_model"]) != (DEFAULT, "default"):
            run["cycles_per_image"], run["images_per_second"] = 1.0, 1.0
    assert results.view(figures)["times_as_fast"] == before


def test_results_are_of_every_shipped_network_that_the_engine_takes():
    runs = results.PAGE.figures()["runs"]
    assert [run["network"] for run in runs if run["memory_model"] == "default"] == shipped_for("pixel_serial")
    assert all(sum(map(sum, run["confusion"])) == run["images"] for run in runs[:-1])


def test_findings_are_shown():
    figures = results.PAGE.figures()
    figures["resources"][0]["findings"] = ["one", "two"]
    assert "| one; two |" in results.PAGE.text(figures)


def test_the_register_page_has_every_register_field_and_error():
    text = register_docs.markdown()
    for register in REGISTERS:
        assert f"| 0x{register.offset:02X} | {register.name} |" in text
        for field in register.fields:
            assert f"|  | {register.name}.{field.name} |" in text
    assert all(f"| {int(code)} | {code.name} |" in text for code in ErrorCode)
