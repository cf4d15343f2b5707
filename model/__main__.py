"""Commands: python -m model train, quantize, evaluate, export, study. Progress on stderr, figures on stdout; exit 1: failed, 2: usage."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from typing import List, Literal, Optional

import typer

import datasets

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train, quantise, evaluate, export and study LST networks; train, quantise and evaluate ResMLP.",
)


def _writable(path: Optional[Path]) -> Optional[Path]:
    """Before hours of work, not after them: the file's directory is there, or is made."""
    if path is not None:
        if path.is_dir():
            raise typer.BadParameter(f"{path} is a directory, a file is wanted")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"{path}: no file can be written there ({error.strerror})") from None
    return path


JsonFile = typer.Option(
    None, "--json", metavar="FILE", callback=_writable, help="Also write the figures to this file, as JSON."
)


def _version(wanted: bool) -> None:
    if wanted:
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
        ..., exists=True, dir_okay=False, metavar="RECIPE.toml", help="See recipes/."
    ),
    seed: Optional[int] = typer.Option(None, help="Instead of the recipe's seed."),
    activation: Optional[str] = typer.Option(
        None, help="Of ResMLP, instead of the recipe's: relu, lerp_psa, b_spline, psa."
    ),
    expansion: Optional[float] = typer.Option(
        None, help="Of ResMLP, instead of the recipe's: hidden width over channels, such as 2, 1, 0.5, 0.25."
    ),
    out: Optional[Path] = typer.Option(
        None,
        metavar="DIR",
        help="For checkpoint.pt, instead of build/train/<recipe>/seed<seed>, "
        "of ResMLP <recipe>-<activation>-<expansion>.",
    ),
    restart: bool = typer.Option(False, help="Begin anew, even if there is a checkpoint to resume."),
    threads: int = typer.Option(1, min=1, help="Threads of torch; one is fastest for networks this small."),
    device: Literal["cpu", "cuda"] = typer.Option("cpu", help="Where to compute."),
    json_file: Optional[Path] = JsonFile,
) -> None:
    """Train a recipe, or resume it. The test set is read once, at the end."""
    import torch

    from model.training import train as training
    from model.training.checkpoint import load_checkpoint
    from model.training.recipe import RESMLP, Recipe

    torch.set_num_threads(threads)
    chosen = Recipe.read(recipe)
    if chosen.network == RESMLP or activation is not None or expansion is not None:
        chosen = chosen.variant(activation, expansion)
    if seed is not None:
        chosen = dataclasses.replace(chosen, seed=seed)
    checkpoint = (out or training.directory_of(chosen)) / "checkpoint.pt"
    try:
        state = training.train(chosen, checkpoint.parent, device=device, restart=restart)
    except KeyboardInterrupt:
        again = f"the same command{', without --restart,' if restart else ''} goes on from there"
        typer.echo(
            f"interrupted; {checkpoint} holds epoch {load_checkpoint(checkpoint)['epoch']} of {chosen.all_epochs}: {again}"
            if checkpoint.is_file()
            else "interrupted before the first epoch was over; nothing is kept",
            err=True,
        )
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


@app.command()
def quantize(
    checkpoint: Path = typer.Argument(..., exists=True, dir_okay=False, metavar="CHECKPOINT"),
    out: Path = typer.Option(..., metavar="FILE.npz", callback=_writable, help="The network file to write."),
    fmt: Optional[str] = typer.Option(
        None,
        "--format",
        metavar="Qm.n|int8",
        help="Of post-training quantisation: int8 for ResMLP, such as Q6.7 for the others; none for "
        "a checkpoint that was trained in integers.",
    ),
    json_file: Optional[Path] = JsonFile,
) -> None:
    """Write the network file of a checkpoint, post-training or as trained with fake quantisation."""
    from lst_overlay.network import QFormat
    from model.export.quantize import INT8, quantize_checkpoint

    try:
        chosen = INT8 if fmt and fmt.lower() == INT8 else fmt and QFormat.parse(fmt)
        if isinstance(chosen, QFormat) and not 2 <= chosen.width <= 16:
            raise ValueError(f"{fmt} has {chosen.width} bits; weights and activations may have 2..16")
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--format") from None
    figures = quantize_checkpoint(checkpoint, out, chosen)
    _show(
        {
            key: value
            for key, value in figures.items()
            if key not in ("recipe_settings", "parent", "teacher", "functions")
        },
        json_file,
    )


@app.command()
def evaluate(
    file: Path = typer.Argument(
        ...,
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="A network file (.npz), a checkpoint (.pt) or a published one (.pth, of ResMLP .bin).",
    ),
    dataset: Optional[Literal["mnist", "digits", "cifar10"]] = typer.Option(
        None, help="The one it was trained for if not given."
    ),
    json_file: Optional[Path] = JsonFile,
) -> None:
    """Accuracy and confusion matrix on the test set; for a network file, also whether torch and the reference agree."""
    from model.reports.evaluate import evaluate as run

    found = run(file, dataset)
    typer.echo(found.to_text())
    if json_file is not None:
        json_file.write_text(found.to_json(), encoding="utf-8")


@app.command()
def export(
    network: Path = typer.Argument(
        ..., exists=True, dir_okay=False, metavar="NETWORK.npz", help="Of the LST family."
    ),
    out: Path = typer.Option(..., metavar="FILE.onnx", callback=_writable, help="The ONNX file to write."),
) -> None:
    """Write a network file as ONNX, its quantisers explicit, its logits equal to the bit: docs/onnx.md."""
    from lst_overlay.network import load_network
    from model.export.onnx_export import OPSET, save_onnx

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
        metavar="fractions|divergence|confusion|hidden|comparison",
        help="This part; may be given more than once. All if not given.",
    ),
    jobs: Optional[int] = typer.Option(
        None, min=1, help="Processes, one thread each; as many as cores if not given."
    ),
    scheduler: Optional[str] = typer.Option(
        None,
        metavar="ADDRESS",
        help="Compute on this Dask scheduler's workers instead, e.g. "
        "tcp://10.0.0.1:8786; they need this checkout and its data at the same paths.",
    ),
    quick: bool = typer.Option(
        False, "--quick", help="A short run on the embedded digits, into build/study/quick: does it work?"
    ),
    restart: bool = typer.Option(
        False, "--restart", help="Compute anew what earlier runs kept in build/study/points."
    ),
) -> None:
    """The quantisation study: docs/study.md with its pictures, and build/study/*.json. Trains recipes/lst1_tanh.toml if that is not done.

    An interrupted study goes on where it was: finished points are kept.
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
        Path("docs/networks"), metavar="DIR", help="Where the pages go; old ones are replaced."
    ),
) -> None:
    """Write a page for each network file of the LST family: accuracy, confusion, number formats, functions, recipe, limits."""
    from model.reports.network_page import write_page

    for file in files:
        typer.echo(f"{write_page(file, out)} written")


@app.command()
def accuracy(
    group: List[str] = typer.Option(
        ["students", "published", "others"], help="Which runs: students, published, others."
    ),
    jobs: int = typer.Option(2, min=1, help="Runs side by side, one thread each."),
    scheduler: Optional[str] = typer.Option(
        None, metavar="ADDRESS", help="A Dask scheduler: its workers train instead."
    ),
) -> None:
    """Train every run of docs/accuracy.md that is not finished yet, and write that page of this checkout: many hours from nothing."""
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
    train: bool = typer.Option(
        False, "--train", help="First train the short recipe's cells: two cores, three hours."
    ),
    jobs: int = typer.Option(2, min=1, help="Runs side by side, one thread each."),
    scheduler: Optional[str] = typer.Option(
        None, metavar="ADDRESS", help="A Dask scheduler: its workers train instead."
    ),
) -> None:
    """Write docs/learned_functions.md of this checkout: ResMLP with learned functions, from all runs that are finished."""
    from model.reports import learned_functions, learned_page
    from model.reports.accuracy import run_all

    results = run_all(learned_functions.groups(train, learned_page.runs_kept()), jobs, scheduler)
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
        None, metavar="[NAME...]", help="E.g. lst1_w6a4p4; all if none."
    ),
) -> None:
    """Write the network files that come with the project, each from the run that is best on validation; trains what is missing."""
    from model.export.shipping import ship as write
    from model.export.shipping import shipped

    files = {one.file.stem: one for one in shipped()}
    unknown = [name for name in names or [] if name not in files]
    if unknown:
        raise typer.BadParameter(f"no network file is named {unknown[0]!r}; there are {', '.join(files)}")
    for name in names or files:
        figures = write(files[name])
        typer.echo(
            f"{name}: {figures['recipe']} seed {figures['seed']}, validation {figures['accuracy_validation']:.2f} %, "
            f"test {figures['accuracy_integer']:.2f} %"
        )


def _show(figures: dict, json_file: Optional[Path]) -> None:
    for key, value in figures.items():
        for line in (
            value if isinstance(value, list) else [f"{value:.6g}" if isinstance(value, float) else value]
        ):
            typer.echo(f"{key:>20}: {line}")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Known failures end in one line on stderr; anything else is our bug and keeps its traceback."""
    from lst_overlay.network import NetworkError

    if importlib.util.find_spec("torch") is None:
        print(
            "error: python -m model needs torch: `make workstation` installs it; docs/training.md says which",
            file=sys.stderr,
        )
        sys.exit(1)
    from model.reports.study.sweep import SweepError
    from model.training.checkpoint import CheckpointError
    from model.training.recipe import RecipeError
    from model.training.train import TrainingError

    try:
        app(prog_name="python -m model")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except (
        datasets.DatasetError,
        NetworkError,
        CheckpointError,
        RecipeError,
        TrainingError,
        SweepError,
        OSError,
    ) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is missing: pip install -e '.[model,study]'", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
