"""python -m gateware, as a person runs it: exit status, standard output, standard error."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateware import __main__ as command
from gateware.designs import ENGINES
from tests import ROOT
from tests.gateware.toolchain.vivado_stub import write_stub


@pytest.fixture
def run(monkeypatch, capsys):
    """What `python -m gateware` does with these arguments, in the test's own process."""
    monkeypatch.setenv("COLUMNS", "100")

    def run_command(*arguments):
        monkeypatch.setattr(sys, "argv", ["gateware", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            command.run()
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code, stdout=out, stderr=err)

    return run_command


def test_the_program_ends_with_one_line_and_its_exit_status():
    """The only process of this file: that python -m leads to what the other tests call."""
    done = subprocess.run(
        [sys.executable, "-m", "gateware", "simulate", "--dataset", "digits", "--network", "nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'driver'}"},
    )
    assert done.returncode == 1 and done.stdout == ""
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith(f"error: no network file 'nonsense' in {ROOT}; shipped networks: ")
    )


@pytest.mark.parametrize("command", ["verilog", "simulate", "resources", "bitstream", "results"])
def test_every_command_has_help(run, command):
    done = run(command, "--help")
    assert done.returncode == 0 and "Usage" in done.stdout


def test_version(run):
    done = run("--version")
    assert done.returncode == 0 and done.stdout.startswith("lst-overlay 0.")


def test_a_wrong_option_is_a_usage_error(run):
    assert run("simulate", "--images", "0").returncode == 2
    assert run("nonsense").returncode == 2


def test_an_unknown_network_is_one_line(run):
    done = run("simulate", "--dataset", "digits", "--network", "nonsense")
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith(f"error: no network file 'nonsense' in {ROOT}; shipped networks: ")
    )


@pytest.mark.parametrize("command", [("verilog",), ("resources",), ("simulate", "--build-only")])
def test_an_engine_that_loads_its_network_has_none_built_in(run, command):
    done = run(*command, "--network", "lst1_w4a4p2")
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == "error: engine pixel_serial takes its network at run time, 'lst1_w4a4p2' cannot be built in"
    )


def test_verilog_and_hwh_are_written(run, tmp_path):
    done = run("verilog", "--out", tmp_path)
    assert done.returncode == 0 and "build hash 0x" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"lst1_top.v", "lst1_top.hwh"}


def test_bitstream_without_vivado_names_what_is_missing(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    done = run("bitstream", "--out", tmp_path)
    assert done.returncode == 1
    assert (
        done.stderr.strip().startswith("error: Vivado is missing")
        and len(done.stderr.strip().splitlines()) == 1
    )


def test_bitstream_of_an_engine_for_a_larger_part_names_the_boards_that_have_it(run, monkeypatch):
    monkeypatch.setitem(ENGINES, "folded", replace(ENGINES["folded"], part="xc7z020"))
    done = run("bitstream", "--engine", "folded")
    text = " ".join(done.stderr.replace("│", " ").split())
    assert done.returncode == 2 and "is made for the XC7Z020, board zybo_z7_10 has an XC7Z010" in text
    assert "choose one of zybo_z7_20, pynq_z1, pynq_z2" in text


def test_bitstream_that_vivado_cannot_build_is_one_line(run, tmp_path):
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
    table, progress = capsys.readouterr()
    assert table.startswith("network ") and "simulating" in progress and "simulating" not in table
    assert "images per second" in table and "200.0 MHz (assumed), with_dma, uint8 in" in table
