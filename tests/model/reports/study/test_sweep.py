import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lst_overlay.network import QFormat
from model.reports.study.subjects import train_recipe
from model.reports.study.sweep import Point, SweepError, run
from tests import ROOT
from tests.model.reports.study import points as functions
from tests.model.small import small_recipe


def squares(*numbers, **more):
    return [Point(f"square-{x}", functions.square, {"x": x, **more}) for x in numbers]


def computed(log):
    return sorted(map(int, log.read_text().split()))


def test_points_run_side_by_side_each_with_one_thread(tmp_path):
    pair = [
        Point(mine, functions.meet, {"mine": mine, "other": other, "directory": tmp_path})
        for mine, other in ("ab", "ba")
    ]
    results = run([*pair, Point("threads", functions.threads, {})], tmp_path / "kept", jobs=2)
    assert results == {"a": {"met": "b"}, "b": {"met": "a"}, "threads": {"torch": 1, "omp": "1"}}


def test_results_are_in_the_order_of_the_points_and_as_json_gives_them(tmp_path):
    results = run(squares(3, 1, 2), tmp_path, jobs=2)
    assert list(results) == ["square-3", "square-1", "square-2"]
    assert results["square-3"] == {"square": 9, "pair": [3, 3]}
    assert run(squares(3, 1, 2), tmp_path, jobs=2) == results


def test_finished_points_are_kept(tmp_path):
    log = tmp_path / "log"
    run(squares(1, 2, log=log), tmp_path, jobs=1)
    run(squares(1, 2, 3, log=log), tmp_path, jobs=1)
    assert computed(log) == [1, 2, 3]


def test_restart_computes_all_anew(tmp_path):
    log = tmp_path / "log"
    run(squares(1, log=log), tmp_path, jobs=1)
    run(squares(1, log=log), tmp_path, jobs=1, restart=True)
    assert computed(log) == [1, 1]


def test_a_changed_point_is_computed_anew(tmp_path):
    assert run([Point("p", functions.square, {"x": 2})], tmp_path, jobs=1)["p"]["square"] == 4
    assert run([Point("p", functions.square, {"x": 3})], tmp_path, jobs=1)["p"]["square"] == 9


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"result": {}}'])
def test_a_file_that_is_no_finished_point_is_replaced(tmp_path, content):
    (tmp_path / "square-2.json").write_text(content)
    assert run(squares(2), tmp_path, jobs=1)["square-2"]["square"] == 4
    assert json.loads((tmp_path / "square-2.json").read_text())["result"]["square"] == 4


def test_a_failing_point_is_named_and_the_rest_is_computed(tmp_path):
    with pytest.raises(
        SweepError, match=r"1 of 3 points failed.*bad \(ValueError: x is 5 and that is wrong\)"
    ) as caught:
        run([Point("bad", functions.fail, {"x": 5}), *squares(1, 2)], tmp_path, jobs=1)
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"bad.error.txt", "square-1.json", "square-2.json"}
    assert "in fail" in (tmp_path / "bad.error.txt").read_text()


def test_a_trace_goes_when_the_point_succeeds(tmp_path):
    with pytest.raises(SweepError):
        run([Point("p", functions.fail, {"x": 5})], tmp_path, jobs=1)
    run([Point("p", functions.square, {"x": 5})], tmp_path, jobs=1)
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


@pytest.mark.parametrize(
    "function, message",
    [
        (functions.fail_unpicklable, "Unpicklable: no way"),
        (functions.not_json, "its result is not JSON"),
        (functions.not_finite, "its result is not JSON"),
        (lambda: {}, "pickle"),
    ],
)
def test_every_kind_of_failure_names_its_point(tmp_path, function, message):
    with pytest.raises(SweepError, match=rf"bad \(.*{message}"):
        run([Point("bad", function, {}), *squares(1)], tmp_path, jobs=1)
    assert (tmp_path / "square-1.json").exists() and not (tmp_path / "bad.json").exists()


def test_a_killed_worker_is_reported(tmp_path):
    with pytest.raises(SweepError, match=r"bad \(a worker process died\)"):
        run([Point("bad", functions.die, {})], tmp_path, jobs=1)


def test_an_interrupted_sweep_keeps_what_is_finished(tmp_path):
    """Ctrl-C comes once the first point's file is there.

    The other point would wait a minute for a partner that never comes.
    """
    program = f"""
import signal
from pathlib import Path
from model.reports.study.sweep import Point, run
from tests.model.reports.study import points
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born without
    directory = Path({str(tmp_path)!r})
    waiting = {{"mine": "a", "other": "nobody", "directory": directory}}
    both = [Point("square", points.square, {{"x": 2}}), Point("waiting", points.meet, waiting)]
    run(both, directory / "kept", jobs=1)
"""
    (tmp_path / "program.py").write_text(program)
    sweep = subprocess.Popen(
        [sys.executable, tmp_path / "program.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        while not (tmp_path / "a").exists():
            assert sweep.poll() is None, sweep.stderr.read()
            time.sleep(0.05)
        os.killpg(sweep.pid, signal.SIGINT)
        _, stderr = sweep.communicate(timeout=50)
    finally:
        if sweep.poll() is None:
            os.killpg(sweep.pid, signal.SIGKILL)
    assert sweep.returncode != 0 and stderr.count("KeyboardInterrupt") == 1
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["square.json"]


def test_the_environment_is_as_before(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    run(squares(1), tmp_path, jobs=1)
    assert os.environ["OMP_NUM_THREADS"] == "3" and "TQDM_DISABLE" not in os.environ


@dataclass(frozen=True)
class Other:
    int_bits: int
    frac_bits: int


def test_a_fingerprint_tells_arguments_and_functions_apart():
    arguments = [
        {"x": 1},
        {"x": 2},
        {"x": 1.5},
        {"y": 1},
        {"x": QFormat(6, 7)},
        {"x": QFormat(6, 6)},
        {"x": Other(6, 7)},
        {"x": Path("a")},
        {"x": [QFormat(6, 7)]},
        {"x": None},
    ]
    prints = [Point("p", functions.square, each).fingerprint for each in arguments]
    prints += [Point("p", functions.fail, {"x": 1}).fingerprint]
    assert len(set(prints)) == len(prints)
    assert Point("q", functions.square, {"x": QFormat(6, 7)}).fingerprint == prints[4]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Point("a/b", functions.square, {}), "not 'a/b'"),
        (lambda: Point("", functions.square, {}), "not ''"),
        (lambda: Point(".hidden", functions.square, {}), "not '.hidden'"),
        (
            lambda: Point("p", functions.square, {"x": object()}).fingerprint,
            "point p: an argument of type object has no fingerprint",
        ),
        (lambda: run(squares(1, 1), "nowhere"), "two points are named square-1"),
    ],
)
def test_a_wrong_description_is_refused(make, message):
    with pytest.raises(SweepError, match=message):
        make()


def test_a_training_run_is_a_point(tmp_path):
    recipe = small_recipe(epochs=1)
    results = run(
        [Point("small", train_recipe, {"recipe": recipe, "directory": tmp_path / "train"})], tmp_path, jobs=1
    )
    assert (
        results["small"]["epochs"] == 1
        and results["small"]["recipe"] == "small"
        and 0 <= results["small"]["test_accuracy"] <= 100
    )
    assert (tmp_path / "train" / "checkpoint.pt").is_file()


@pytest.fixture(scope="module")
def scheduler():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.xdist_group("dask")
def test_dask_workers_compute_side_by_side(tmp_path, scheduler):
    pair = [
        Point(mine, functions.meet, {"mine": mine, "other": other, "directory": tmp_path})
        for mine, other in ("ab", "ba")
    ]
    assert run(pair, tmp_path / "kept", scheduler=scheduler) == {"a": {"met": "b"}, "b": {"met": "a"}}
    assert run(pair, tmp_path / "kept", jobs=1) == {
        "a": {"met": "b"},
        "b": {"met": "a"},
    }  # kept: alone neither would end


@pytest.mark.xdist_group("dask")
def test_dask_names_a_failing_point_and_keeps_the_rest(tmp_path, scheduler):
    with pytest.raises(SweepError, match=r"bad \(ValueError: x is 5"):
        run([Point("bad", functions.fail, {"x": 5}), *squares(1, 2)], tmp_path, scheduler=scheduler)
    assert run(squares(1, 2), tmp_path, jobs=1)["square-2"]["square"] == 4


def test_no_scheduler_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("model.reports.study.sweep._CONNECT_SECONDS", 1)
    with pytest.raises(SweepError, match="no Dask scheduler answers at tcp://127.0.0.1:9") as caught:
        run(squares(1), tmp_path, scheduler="tcp://127.0.0.1:9")
    assert "\n" not in str(caught.value)
