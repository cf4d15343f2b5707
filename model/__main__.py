"""The commands of python -m model. Progress goes to stderr, figures to stdout.

Exit status 1 means that a command failed, 2 that it was called wrongly.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import List, Literal, Optional

import typer
from typer.core import TyperGroup

import datasets


class Commands(TyperGroup):
    """Ends known failures in one line on stderr. Any other exception is our bug and keeps its traceback."""

    def invoke(self, context: typer.Context):
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(130) from None
        except ModuleNotFoundError as error:
            message = f"{error.name} is missing: pip install -e '.[model,study]'"
        except known_failures() as error:
            message = str(error)
        typer.echo(f"error: {message}", err=True)
        raise typer.Exit(1)


def known_failures() -> tuple:
    """The exceptions whose message is all that a user needs."""
    from lst_overlay.network import NetworkError
    from model.networks.torch_file import CheckpointError
    from model.reports.study.sweep import SweepError
    from model.training.recipe import RecipeError
    from model.training.train import TrainingError

    ours = (datasets.DatasetError, NetworkError, CheckpointError, RecipeError, TrainingError, SweepError)
    return (*ours, OSError, EOFError)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _writable(path: Optional[Path]) -> Optional[Path]:
    """Refuse a file that cannot be written before hours of work, and not after them. Makes its directory."""
    if path is not None:
        if path.is_dir():
            raise typer.BadParameter(f"{path} is a directory, a file is wanted")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"{path}: no file can be written there ({error.strerror})") from None
    return path


def _own_data(path: Optional[Path]) -> Optional[Path]:
    """Refuse a file whose name does not tell that it holds own data."""
    if path is not None and not datasets.is_own(str(path)):
        raise typer.BadParameter(f"must be a file .npz, not {path}")
    return path


def _check_not_read(out: Path, *read: Path) -> None:
    """Refuse to write over a file that the command reads."""
    if any(out.exists() and out.samefile(path) for path in read):
        raise typer.BadParameter(f"{out} is the file that is read; name another", param_hint="--out")


Jobs = typer.Option(2, min=1, help="How many runs at a time, with one thread each.")
Scheduler = typer.Option(
    None,
    metavar="ADDRESS",
    help="Train on the workers of this Dask scheduler instead, e.g. tcp://10.0.0.1:8786; "
    "they need this checkout and its data at the same paths.",
)
JsonFile = typer.Option(
    None, "--json", metavar="FILE", callback=_writable, help="Also write the figures to this file, as JSON."
)


def _version(is_asked: bool) -> None:
    if is_asked:
        import lst_overlay

        typer.echo(f"lst-overlay {lst_overlay.__version__}")
        raise typer.Exit()


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Train, quantise, evaluate, export and study LST networks; train, quantise and evaluate ResMLP."""


@app.command()
def train(
    recipe: Path = typer.Argument(
        ..., exists=True, dir_okay=False, metavar="RECIPE.toml", help="A file as those in recipes/."
    ),
    seed: Optional[int] = typer.Option(None, help="The seed, instead of the recipe's."),
    activation: Optional[str] = typer.Option(
        None, help="ResMLP's activation, instead of the recipe's: relu, lerp_psa, b_spline, psa."
    ),
    expansion: Optional[float] = typer.Option(
        None,
        help="ResMLP's hidden width over its channels, instead of the recipe's: such as 2, 1, 0.5, 0.25.",
    ),
    out: Optional[Path] = typer.Option(
        None,
        metavar="DIR",
        help="Where checkpoint.pt goes. Without it a directory in build/train that is named after recipe, "
        "activation, expansion and seed.",
    ),
    restart: bool = typer.Option(False, help="Begin anew, even if there is a checkpoint to resume."),
    threads: int = typer.Option(1, min=1, help="Threads of torch; one is fastest for networks this small."),
    device: Literal["cpu", "cuda"] = typer.Option("cpu", help="Where to compute."),
    json_file: Optional[Path] = JsonFile,
) -> None:
    """Train a recipe, or resume it. The test set is read once, at the end."""
    import torch

    from model.training import train as training
    from model.training.recipe import Recipe

    torch.set_num_threads(threads)
    chosen = Recipe.read(recipe).variant(activation, expansion)
    if seed is not None:
        chosen = chosen.changed(seed=seed)
    checkpoint = (out or training.directory_of(chosen)) / "checkpoint.pt"
    try:
        state = training.train(chosen, checkpoint.parent, device=device, restart=restart)
    except KeyboardInterrupt:
        typer.echo(_interrupted(checkpoint, chosen.epochs, restart), err=True)
        raise typer.Exit(130) from None
    _show(
        {
            "recipe": chosen.name,
            "seed": chosen.seed,
            "checkpoint": str(checkpoint),
            "epochs": state["epoch"],
            "selected_epoch": state["selected"]["epoch"],
            "validation_accuracy": 100 * state["selected"]["validation_accuracy"],
            "test_accuracy": 100 * state["test_accuracy"],
        },
        json_file,
    )


def _interrupted(checkpoint: Path, epochs: int, restart: bool) -> str:
    """What an interrupted training leaves, and how to go on."""
    from model.training.checkpoint import load_checkpoint

    if not checkpoint.is_file():
        return "interrupted before the first epoch was over; nothing is kept"
    again = f"the same command{', without --restart,' if restart else ''} goes on from there"
    return (
        f"interrupted; {checkpoint} holds epoch {load_checkpoint(checkpoint)['epoch']} of {epochs}: {again}"
    )


@app.command()
def quantize(
    checkpoint: Path = typer.Argument(..., exists=True, dir_okay=False, metavar="CHECKPOINT"),
    out: Path = typer.Option(..., metavar="FILE.npz", callback=_writable, help="The network file to write."),
    fmt: Optional[str] = typer.Option(
        None,
        "--format",
        metavar="Qm.n|int8",
        help="The format of post-training quantisation: int8 for ResMLP, such as Q6.7 for the others. "
        "A checkpoint that was trained in integers takes none.",
    ),
    json_file: Optional[Path] = JsonFile,
) -> None:
    """Write the network file of a checkpoint: quantised after training, or as it was trained in integers."""
    from model.export.quantize import quantize_checkpoint

    _check_not_read(out, checkpoint)
    figures = quantize_checkpoint(checkpoint, out, _format(fmt))
    lengthy = ("recipe_settings", "parent", "teacher", "functions")
    _show({key: value for key, value in figures.items() if key not in lengthy}, json_file)


def _format(text: Optional[str]):
    """The number format that --format names: a QFormat, INT8, or None."""
    from lst_overlay.network import QFormat
    from model.export.quantize import INT8

    if text is None:
        return None
    if text.lower() == INT8:
        return INT8
    try:
        fmt = QFormat.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--format") from None
    if not 2 <= fmt.width <= 16:
        message = f"{text} has {fmt.width} bits; weights and activations may have 2..16"
        raise typer.BadParameter(message, param_hint="--format")
    return fmt


@app.command()
def evaluate(
    file: Path = typer.Argument(
        ...,
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="A network file (.npz), a checkpoint (.pt), or a published one (.pth; for ResMLP .bin).",
    ),
    dataset: Optional[Literal["mnist", "digits", "cifar10"]] = typer.Option(
        None, help="The data set, instead of the one that the network was trained for."
    ),
    data: Optional[Path] = typer.Option(
        None,
        metavar="FILE.npz",
        callback=_own_data,
        help="A file of your own images and labels (docs/own_data.md), instead of a data set.",
    ),
    json_file: Optional[Path] = JsonFile,
) -> None:
    """Show accuracy and confusion matrix on the test set.

    For a network file, also show on how many images torch and the integer reference agree.
    """
    from model.reports.evaluate import evaluate as run

    if dataset and data:
        raise typer.BadParameter("stands in the place of --dataset; leave one out", param_hint="--data")
    evaluation = run(file, str(data) if data else dataset)
    typer.echo(evaluation.to_text())
    if json_file is not None:
        json_file.write_text(evaluation.to_json(), encoding="utf-8")


@app.command()
def export(
    network: Path = typer.Argument(
        ..., exists=True, dir_okay=False, metavar="NETWORK.npz", help="A network file of the LST family."
    ),
    out: Path = typer.Option(..., metavar="FILE.onnx", callback=_writable, help="The ONNX file to write."),
) -> None:
    """Write a network file as ONNX with explicit quantisers and logits equal to the bit: docs/onnx.md."""
    from lst_overlay.network import load_network
    from model.export.onnx_export import OPSET, save_onnx

    _check_not_read(out, network)
    chosen = load_network(network)
    model = save_onnx(chosen, out)
    _show(
        {
            "written": str(out),
            "bytes": out.stat().st_size,
            "network": chosen.name,
            "content_sha256": chosen.content_hash,
            "layers": len(chosen.layers),
            "nodes": len(model.graph.node),
            "opset": OPSET,
        },
        None,
    )


@app.command()
def study(
    only: Optional[List[str]] = typer.Option(
        None,
        metavar="PART",
        help="Only this part: fractions, divergence, confusion, hidden or comparison. The option may be "
        "given more than once.",
    ),
    jobs: Optional[int] = typer.Option(
        None, min=1, help="How many processes, with one thread each, instead of one for each core."
    ),
    scheduler: Optional[str] = Scheduler,
    quick: bool = typer.Option(
        False,
        "--quick",
        help="A short run on the embedded digits, into build/study/quick, to see that it works.",
    ),
    restart: bool = typer.Option(
        False, "--restart", help="Do not use the points that earlier runs kept in build/study/points."
    ),
) -> None:
    """Run the quantisation study, which writes docs/study.md with its pictures, and build/study/*.json.

    It trains recipes/lst1_tanh.toml if that is not done. An interrupted study goes on where it was.
    """
    from model.reports.study.settings import FULL, PARTS, QUICK
    from model.reports.study.sweep import SweepError

    unknown = [part for part in only or [] if part not in PARTS]
    if unknown:
        raise typer.BadParameter(
            f"no part is named {unknown[0]!r}; there are {', '.join(PARTS)}", param_hint="--only"
        )
    missing = [package for package in ("matplotlib", "scipy") if importlib.util.find_spec(package) is None]
    if missing:
        raise SweepError(f"the study needs {' and '.join(missing)}: pip install -e '.[study]'")
    from model.reports.study.course import study as run

    for path in run(QUICK if quick else FULL, only or PARTS, jobs, scheduler, restart):
        typer.echo(path.as_posix())


@app.command()
def describe(
    files: List[Path] = typer.Argument(..., exists=True, dir_okay=False, metavar="NETWORK.npz..."),
    out: Path = typer.Option(
        Path("docs/networks"), metavar="DIR", help="Where the pages go; they replace old ones."
    ),
) -> None:
    """Write a page for each network file of the LST family.

    It shows accuracy, confusion, number formats, activation functions, recipe and limits.
    """
    from model.reports.network_page import write_page

    for file in files:
        typer.echo(f"{write_page(file, out)} written")


@app.command()
def accuracy(
    group: List[str] = typer.Option(
        ["students", "published", "others"], help="Which runs: students, published, others."
    ),
    jobs: int = Jobs,
    scheduler: Optional[str] = Scheduler,
) -> None:
    """Train the unfinished runs of docs/accuracy.md and write that page. From nothing it takes many hours."""
    from model.reports import accuracy as table
    from model.training.experiments import OTHERS, PUBLISHED, STUDENTS, TEACHER

    groups = {"students": STUDENTS, "published": PUBLISHED, "others": OTHERS}
    for name in group:
        if name not in groups:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(groups)}", param_hint="--group")
    chosen = [entry for name in group for entry in groups[name]]
    results = table.run_all(chosen if TEACHER in chosen else [TEACHER, *chosen], jobs, scheduler)
    for path in table.write_page(results):
        typer.echo(path.as_posix())


@app.command()
def learned(
    minutes: Optional[float] = typer.Option(
        None,
        min=0,
        help="First train the teacher and its students, in order, as far as they get in this time.",
    ),
    device: Literal["cpu", "cuda"] = typer.Option("cpu", help="Where --minutes computes."),
    jobs: int = Jobs,
    scheduler: Optional[str] = Scheduler,
) -> None:
    """Write docs/learned_functions.md, about ResMLP with learned functions, from all finished runs."""
    from model.reports import learned_functions, learned_page
    from model.reports.accuracy import run_all

    if minutes is not None:
        from model.training.budget import train_within
        from model.training.experiments import CIFAR10_TEACHER, chains
        from model.training.recipe import Recipe
        from model.training.train import directory_of

        teacher = Recipe.named(CIFAR10_TEACHER)
        students = chains((directory_of(teacher) / "checkpoint.pt").as_posix())
        for path in train_within(60 * minutes, teacher, students, device=device, jobs=jobs):
            typer.echo(path.as_posix())
    results = run_all(list(learned_functions.finished(learned_page.runs_kept())), jobs, scheduler)
    for path in learned_page.write_page(results):
        typer.echo(path.as_posix())
    typer.echo(f"{len(results)} runs new")


@app.command()
def render() -> None:
    """Write the pages of docs/ again from the figures that are kept beside them; nothing is measured."""
    from model.reports.render import render as run

    for path in run():
        typer.echo(path.as_posix())


@app.command()
def ship(
    names: Optional[List[str]] = typer.Argument(
        None, metavar="[NAME...]", help="Only these files, such as lst1_w6a4p4."
    ),
) -> None:
    """Write the networks that come with the project, each from the best seed on validation.

    Runs that are missing are trained.
    """
    from model.export.shipping import ship as write
    from model.export.shipping import shipped

    files = {one.file.stem: one for one in shipped()}
    unknown = [name for name in names or [] if name not in files]
    if unknown:
        raise typer.BadParameter(f"no network file is named {unknown[0]!r}; there are {', '.join(files)}")
    for name in names or files:
        figures = write(files[name])
        typer.echo(
            f"{name}: {figures['recipe']} seed {figures['seed']}, "
            f"validation {figures['validation']:.2f} %, test {figures['test']:.2f} %"
        )


def _show(figures: dict, json_file: Optional[Path]) -> None:
    for key, value in figures.items():
        if key == "class_names":
            value = ", ".join(value)
        for line in value if isinstance(value, list) else [value]:
            typer.echo(f"{key:>20}: {f'{line:.6g}' if isinstance(line, float) else line}")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """The program, which needs torch before any command."""
    if importlib.util.find_spec("torch") is None:
        print(
            "error: python -m model needs torch: `make workstation` installs it; docs/training.md says which",
            file=sys.stderr,
        )
        sys.exit(1)
    app(prog_name="python -m model")


if __name__ == "__main__":
    main()
