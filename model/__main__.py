"""Commands: python -m model train | quantize | evaluate. Progress on stderr, figures on stdout; exit 0 ok, 1 failed, 2 usage."""
from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from typing import Literal, Optional

import typer

import datasets

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Train, quantise and evaluate LST networks.")

JsonFile = typer.Option(None, "--json", metavar="FILE", help="Also write the figures to this file, as JSON.")


def _version(wanted: bool) -> None:
    if wanted:
        import lst_overlay

        typer.echo(f"lst-overlay {lst_overlay.__version__}")
        raise typer.Exit()


@app.callback()
def options(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version.")) -> None:
    """Train, quantise and evaluate LST networks."""


@app.command()
def train(recipe: Path = typer.Argument(..., exists=True, dir_okay=False, metavar="RECIPE.toml", help="See recipes/."),
          seed: Optional[int] = typer.Option(None, help="Instead of the recipe's seed."),
          out: Optional[Path] = typer.Option(None, metavar="DIR", help="Where checkpoint.pt goes; build/train/<recipe> if not given."),
          restart: bool = typer.Option(False, help="Begin anew, even if there is a checkpoint to resume."),
          threads: int = typer.Option(1, min=1, help="Threads of torch; one is fastest for networks this small."),
          device: Literal["cpu", "cuda"] = typer.Option("cpu", help="Where to compute."), json_file: Optional[Path] = JsonFile) -> None:
    """Train a recipe, or resume it. The test set is read once, at the end."""
    import torch

    from . import train as training
    from .recipe import Recipe

    torch.set_num_threads(threads)
    chosen = Recipe.read(recipe)
    if seed is not None:
        chosen = dataclasses.replace(chosen, seed=seed)
    directory = out or Path("build/train") / chosen.name
    state = training.train(chosen, directory, device=device, restart=restart)
    _show({"recipe": chosen.name, "seed": chosen.seed, "checkpoint": str(directory / "checkpoint.pt"), "epochs": state["epoch"],
           "selected_epoch": state["selected"]["epoch"], "validation_accuracy": 100 * state["selected"]["validation_accuracy"],
           "test_accuracy": 100 * state["test_accuracy"]}, json_file)


@app.command()
def quantize(checkpoint: Path = typer.Argument(..., exists=True, dir_okay=False, metavar="CHECKPOINT"),
             out: Path = typer.Option(..., metavar="FILE.npz", help="The network file to write."),
             fmt: Optional[str] = typer.Option(None, "--format", metavar="Qm.n",
                                               help="Format of post-training quantisation; none for a fake-quantised checkpoint."),
             json_file: Optional[Path] = JsonFile) -> None:
    """Write the network file of a checkpoint, post-training or as trained with fake quantisation."""
    from lst_overlay.network import QFormat

    from .quantize import quantize_checkpoint

    try:
        chosen = None if fmt is None else QFormat.parse(fmt)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--format") from None
    figures = quantize_checkpoint(checkpoint, out, chosen)
    _show({key: value for key, value in figures.items() if key not in ("recipe_settings", "parent", "functions")}, json_file)


@app.command()
def evaluate(file: Path = typer.Argument(..., exists=True, dir_okay=False, metavar="FILE",
                                         help="A network file (.npz) or a checkpoint (.pt)."),
             dataset: Optional[Literal["mnist", "digits"]] = typer.Option(None, help="The one it was trained for if not given."),
             json_file: Optional[Path] = JsonFile) -> None:
    """Accuracy and confusion matrix on the test set; for a network file, also whether torch and the reference agree."""
    from .evaluate import evaluate as run

    found = run(file, dataset)
    typer.echo(found.to_text())
    if json_file is not None:
        json_file.write_text(found.to_json(), encoding="utf-8")


def _show(figures: dict, json_file: Optional[Path]) -> None:
    for key, value in figures.items():
        for line in value if isinstance(value, list) else [f"{value:.6g}" if isinstance(value, float) else value]:
            typer.echo(f"{key:>20}: {line}")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Known failures end in one line on stderr; anything else is our bug and keeps its traceback."""
    from lst_overlay.network import NetworkError

    if importlib.util.find_spec("torch") is None:
        print("error: python -m model needs torch: see README.md, Training", file=sys.stderr)
        sys.exit(1)
    from .checkpoint import CheckpointError
    from .recipe import RecipeError
    from .train import TrainingError

    try:
        app(prog_name="python -m model")
    except (datasets.DatasetError, NetworkError, CheckpointError, RecipeError, TrainingError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
