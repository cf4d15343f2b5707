"""The command line of gateware: python -m gateware COMMAND."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import List, Literal, Optional

import typer

import datasets
import lst_overlay
from gateware.device import BOARDS, CAPACITY, DEFAULT_BOARD
from lst_overlay.errors import LstOverlayError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Emit the Verilog of a design, simulate it, measure its area, build its bitstream.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lst-overlay {lst_overlay.__version__}")
        raise typer.Exit()


@app.callback()
def main(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    pass


def _engine(name: str) -> str:
    """Check --engine.

    Engines are imported only when a command needs them, since importing Migen takes a second.
    """
    from gateware.designs import ENGINES

    if name not in ENGINES:
        raise typer.BadParameter(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
    return name


ENGINE = typer.Option(
    "pixel_serial", callback=_engine, help="Name of the engine; `python -m gateware engines` lists them."
)
NETWORK = typer.Option(
    None, help="Network to build in: a shipped network's name or a network file. Default: the engine's."
)


@app.command()
def engines() -> None:
    """List the engines, the least parallel first, with cycles per image, principle and purpose."""
    from gateware.designs import ENGINES

    for spec in ENGINES.values():
        network = (
            f"any {spec.family} network at run time" if spec.loadable else f"{spec.network} if none is named"
        )
        print(f"{spec.name}  {spec.cycles_per_image:,} cycles per image: {spec.idea}")
        print(f"    for {spec.chosen_for}; network: {network}")


@app.command()
def verilog(
    out: Path = typer.Option(Path("build/verilog"), help="Directory to write to."),
    engine: str = ENGINE,
    network: Optional[str] = NETWORK,
) -> None:
    """Emit the Verilog of the whole design and its .hwh."""
    from gateware.designs import TOP, make_design, network_to_build_in

    design = make_design(engine, network_to_build_in(engine, network))
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{TOP}.v").write_text(design.verilog)
    design.write_hwh(out / f"{TOP}.hwh")
    print(f"{out / TOP}.v  {len(design.verilog.splitlines())} lines, build hash 0x{design.build_hash:08X}")


@app.command()
def simulate(
    dataset: Optional[Literal["mnist", "digits", "cifar10"]] = typer.Option(
        None,
        help="Data set. Default: the file of your own that the network was trained on (docs/own_data.md), "
        "CIFAR-10 for ResMLP, else MNIST if it is installed, else scikit-learn's.",
    ),
    network: Optional[str] = typer.Option(
        None, help="A shipped network's name or a network file. Default: the data set's or the engine's."
    ),
    images: Optional[int] = typer.Option(None, min=1, help="Number of test images. Default: all."),
    memory: Literal["default", "ideal"] = typer.Option(
        "default", help="Memory model: `default` resembles the board, `ideal` has no stalls."
    ),
    engine: str = ENGINE,
    seed: int = typer.Option(1, help="Seed of the memory model and of the random state at power-up."),
    json_file: Optional[Path] = typer.Option(
        None, "--json", help="File for the figures and the confusion matrix, as JSON."
    ),
    picture: Optional[Path] = typer.Option(
        None, help="File for images with their classes and the confusion matrix, as PNG."
    ),
    build_only: bool = typer.Option(
        False, "--build-only", help="Build the simulated board's bitstream and exit."
    ),
) -> None:
    """Classify images on the simulated board: the pynq driver and the design's Verilog in Verilator."""
    from gateware.designs import network_to_build_in
    from gateware.reports.report import as_text, write_json, write_picture
    from gateware.reports.simulate import default_dataset
    from gateware.reports.simulate import simulate as run
    from gateware.simulator.bitstream import build_simulated_bitstream

    if build_only:
        print(build_simulated_bitstream(engine, network_to_build_in(engine, network)))
        return
    result = run(dataset or default_dataset(engine, network), network, images, memory, seed, engine)
    print(as_text(result.report))
    if json_file:
        write_json(result, json_file)
        print(f"report: {json_file}")
    if picture:
        write_picture(result, picture)
        print(f"picture: {picture}")
    if result.report["bit_exact_images"] != result.report["images"]:
        raise typer.Exit(1)


@app.command()
def resources(
    out: Path = typer.Option(
        Path("build/resources"), help="Directory to write to, one JSON file per design and scope."
    ),
    json_file: Optional[Path] = typer.Option(None, "--json", help="File for all figures, as JSON."),
    engine: str = ENGINE,
    network: Optional[str] = NETWORK,
) -> None:
    """Synthesise for the XC7Z010 with Yosys: area, slowest paths and findings (without place and route)."""
    from dataclasses import asdict

    from gateware.designs import network_to_build_in
    from gateware.device import DEVICE
    from gateware.toolchain.resources import measure_design

    built_in = network_to_build_in(engine, network)
    measured = measure_design(engine, built_in, out)
    width = len(measured[0].design) + 10
    print(f"{'':<{width}}" + "".join(f"{key:>10}" for key in [*DEVICE, "levels"]))
    for item in measured:
        print(
            f"{item.design + ' ' + item.scope:<{width}}"
            + "".join(f"{getattr(item, key):>10}" for key in [*DEVICE, "logic_levels"])
        )
    print(f"{'XC7Z010':<{width}}" + "".join(f"{value:>10}" for value in DEVICE.values()))
    top = measured[-1]
    print("\nlut, ff, ramb18, dsp48e1, carry4 by submodule:")
    for room, area in top.rooms.items():
        print(f"  {room or '(none)':<42}" + "".join(f"{value:>7}" for value in area.values()))
    print(f"\nslowest paths, estimated; the clock's budget is {top.budget_ns} ns:")
    for path in top.paths:
        print(f"  {path}")
    print(f"{measured[0].tool} {measured[0].version}, synthesis only; {out}")
    if json_file:
        json_file.write_text(json.dumps([asdict(item) for item in measured], indent=2) + "\n")
    findings = [finding for item in measured for finding in item.findings]
    for finding in findings:
        print(f"finding: {finding}", file=sys.stderr)
    if findings:
        raise typer.Exit(1)


@app.command()
def bitstream(
    board: str = typer.Option(DEFAULT_BOARD, help=f"Name of the board: {', '.join(BOARDS)}."),
    engine: str = ENGINE,
    network: Optional[str] = NETWORK,
    vivado: str = typer.Option("vivado", help="The Vivado program."),
    out: Path = typer.Option(Path("build/vivado"), help="Directory for sources, reports and logs."),
) -> None:
    """Build the bitstream in bitstreams/BOARD with Vivado. Without Vivado, write the sources only."""
    from gateware.designs import ENGINES, make_design, network_to_build_in
    from gateware.toolchain.bitstream import build

    if board not in BOARDS:
        raise typer.BadParameter(
            f"board must be one of {', '.join(BOARDS)}, not {board!r}", param_hint="--board"
        )
    part = ENGINES[engine].part
    if any(BOARDS[board].capacity[resource] < count for resource, count in CAPACITY[part].items()):
        able = [name for name, other in BOARDS.items() if other.die == part]
        raise typer.BadParameter(
            f"engine {engine} is made for the {part.upper()}, board {board} has an "
            f"{BOARDS[board].die.upper()}: choose one of {', '.join(able)}",
            param_hint="--board",
        )
    design = make_design(engine, network_to_build_in(engine, network))
    print(build(board, design, vivado, out / board / design.stem))


@app.command()
def wheel(out: Path = typer.Option(Path("dist"), help="Directory for the wheel.")) -> None:
    """Pack the wheel for the board: driver, register map, notebooks, networks, .hwh files and bitstreams."""
    from gateware.toolchain.wheel import build_wheel

    path = build_wheel(out)
    print(f"{path}, {path.stat().st_size:,} bytes")


@app.command()
def results() -> None:
    """Measure the figures of docs/results.md and README.md and write them there.

    Needs MNIST; takes minutes.
    """
    from gateware.reports.results import write_results

    for path in write_results():
        print(path)


@app.command()
def ladder(
    jobs: int = typer.Option(2, min=1, help="Number of designs that are synthesised in parallel."),
) -> None:
    """Simulate and synthesise every engine and write docs/ladder.md.

    Needs MNIST. Takes half an hour the first time.
    """
    from gateware.reports.ladder import write_ladder

    for path in write_ladder(jobs):
        print(path)


@app.command()
def clocks() -> None:
    """Estimate the paths that were slowest in routed designs and write docs/clocks.md."""
    from gateware.reports.clocks import write_clocks

    for path in write_clocks():
        print(path)


@app.command()
def frontier(
    files: List[Path] = typer.Argument(
        ..., exists=True, dir_okay=False, help="Network files with 2- or 4-bit pixels."
    ),
) -> None:
    """Compare the accuracy of networks with their area in the row-parallel engine: docs/frontier.md."""
    from gateware.reports.frontier import write_frontier

    for path in write_frontier(files):
        print(path)


@app.command()
def render() -> None:
    """Write the pages of docs/ again from the figures that are kept beside them; nothing is measured."""
    from gateware.reports.render import render as run

    for path in run():
        print(path)


def run() -> None:
    """Run the command line.

    An error that a user can correct is one line and exit status 1; usage errors are 2.
    """
    from gateware.reports.simulate import SimulationFailure
    from gateware.simulator.build import BuildError
    from gateware.toolchain.bitstream import VivadoError
    from gateware.toolchain.manifest import ManifestError
    from gateware.toolchain.yosys import SynthesisError
    from lst_overlay.network import NetworkError

    expected = (
        LstOverlayError,
        NetworkError,
        datasets.DatasetError,
        BuildError,
        SimulationFailure,
        SynthesisError,
        VivadoError,
        ManifestError,
        OSError,
    )
    try:
        app()
    except expected as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run()
