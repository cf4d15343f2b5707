"""python -m gateware, as a person runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.gateware.toolchain.vivado_stub import write_stub


def run(*arguments, cwd=ROOT, **environment):
    return subprocess.run(
        [sys.executable, "-m", "gateware", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment},
    )


@pytest.mark.parametrize("command", ["verilog", "simulate", "resources", "bitstream", "results"])
def test_every_command_has_help(command):
    done = run(command, "--help")
    assert done.returncode == 0 and "Usage" in done.stdout


def test_version():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("lst-overlay 0.")


def test_a_wrong_option_is_a_usage_error():
    assert run("simulate", "--images", "0").returncode == 2
    assert run("nonsense").returncode == 2


def test_an_unknown_network_is_one_line():
    done = run("simulate", "--dataset", "digits", "--network", "nonsense")
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("error: no network file 'nonsense'; shipped networks: ")
    )


@pytest.mark.parametrize("command", [("verilog",), ("resources",), ("simulate", "--build-only")])
def test_an_engine_that_loads_its_network_has_none_built_in(command):
    done = run(*command, "--network", "lst1_w4a4p2")
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == "error: engine pixel_serial takes its network at run time, 'lst1_w4a4p2' cannot be built in"
    )


def test_verilog_and_hwh_are_written(tmp_path):
    done = run("verilog", "--out", tmp_path)
    assert done.returncode == 0 and "build hash 0x" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"lst1_top.v", "lst1_top.hwh"}


def test_bitstream_without_vivado_names_what_is_missing(tmp_path):
    done = run("bitstream", "--out", tmp_path, PATH=str(Path(sys.executable).parent))
    assert done.returncode == 1
    assert (
        done.stderr.strip().startswith("error: Vivado is missing")
        and len(done.stderr.strip().splitlines()) == 1
    )


def test_bitstream_that_vivado_cannot_build_is_one_line(tmp_path):
    done = run(
        "bitstream",
        "--out",
        tmp_path / "out",
        "--vivado",
        write_stub(tmp_path, place_design='puts "ERROR: no room"; error failed'),
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: Vivado ended with status 1: ERROR: no room"
    assert not any(line.startswith("error") for line in done.stderr.splitlines()[:-1])


def test_simulate_writes_report_and_picture(tmp_path, simulated_bit, monkeypatch, capsys):
    import gateware.reports.simulate
    from gateware import __main__

    monkeypatch.setattr(gateware.reports.simulate, "build_simulated_bitstream", lambda *_: simulated_bit)
    report, picture = tmp_path / "out" / "report.json", tmp_path / "out" / "digits.png"
    with pytest.raises(SystemExit) as ended:
        __main__.app(
            [
                "simulate",
                "--dataset",
                "digits",
                "--images",
                "40",
                "--json",
                str(report),
                "--picture",
                str(picture),
            ]
        )
    assert ended.value.code == 0
    figures = json.loads(report.read_text())
    assert set(figures) == {
        "dataset",
        "images",
        "accuracy",
        "bit_exact_images",
        "cycles_per_image",
        "latency_cycles",
        "fclk_mhz",
        "fclk_source",
        "input_format",
        "scope",
        "simulated",
        "images_per_second",
        "host_pack_us_per_image",
        "network",
        "engine",
        "memory_model",
        "confusion",
        "trained_for",
        "ports",
    }
    assert figures["images"] == figures["bit_exact_images"] == 40 and figures["simulated"] is True
    assert figures["images_per_second"] == pytest.approx(
        figures["fclk_mhz"] * 1e6 / figures["cycles_per_image"]
    )
    assert sum(map(sum, figures["confusion"])) == 40
    assert picture.read_bytes().startswith(b"\x89PNG")
    table = capsys.readouterr().out
    assert "images per second" in table and "200.0 MHz (assumed), with_dma, uint8 in" in table
