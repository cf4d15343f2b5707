"""Training within a given time: a teacher, its students, and what is made of them in integers.

Runs keep their recipes but for the number of epochs: what the time allows, at the speed that is measured
before each run. Students are trained side by side in processes of their own, because one small network does
not fill a GPU.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import List, Sequence

import torch

from model.training.checkpoint import load_checkpoint, recipe_of
from model.training.data import load_split
from model.training.recipe import Recipe
from model.training.train import Training, TrainingError, directory_of, train

TEACHER_SHARE = 0.15  # of the time, at most
USED = 0.9  # of a run's time is planned for its epochs; validation and the test set take the rest
_WARM, _MEASURED = 2, 4  # steps before and while the speed is measured
Chain = Sequence[Recipe]  # a student and the recipes in integers that start from it


class BudgetError(TrainingError):
    """The time that is left is too little for a run."""


def train_within(
    seconds: float, teacher: Recipe, chains: Sequence[Chain], *, device: str = "cpu", jobs: int = 1
) -> List[Path]:
    """Train the teacher, then the chains in order, `jobs` of them side by side, until the time is over.

    What is finished already is not trained again, and what was interrupted goes on. Returns the finished
    checkpoints. Raises BudgetError if not even one epoch of the teacher, or of the first student, fits.
    """
    end = time.time() + seconds
    finished = [train_for(TEACHER_SHARE * seconds, teacher, device)]
    first = chains[0][0]
    if not _checkpoint(first).is_file():
        Training(first, load_split(first.dataset), device)  # keeps the copies and the teacher's logits
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_train_chain, chain, end, device) for chain in chains]
        students = [path for future in futures for path in future.result()]
    if not students:
        raise BudgetError(f"no time was left for {first.name} seed {first.seed}: allow more minutes")
    return finished + students


def _train_chain(chain: Chain, end: float, device: str) -> List[Path]:
    """Train the recipes of a chain until `end`, as `time.time` counts; what has no time left is left out.

    The time is divided as the recipes divide their epochs.
    """
    torch.set_num_threads(1)
    finished: List[Path] = []
    for number, recipe in enumerate(chain):
        part = recipe.epochs / sum(later.epochs for later in chain[number:])
        try:
            finished.append(train_for(part * (end - time.time()), recipe, device))
        except BudgetError as error:
            print(f"left out: {error}", file=sys.stderr)
            break
    return finished


def train_for(seconds: float, recipe: Recipe, device: str = "cpu") -> Path:
    """Train as many of the recipe's epochs as the time allows. Returns the finished checkpoint."""
    path = _checkpoint(recipe)
    if path.is_file():
        chosen = recipe_of(load_checkpoint(path))
    else:
        epoch = seconds_of_an_epoch(recipe, device)
        epochs = min(recipe.epochs, int(USED * seconds / epoch))
        if epochs < 1:
            raise BudgetError(
                f"{recipe.name} seed {recipe.seed}: {max(seconds, 0):.1f} s are left for the run, "
                f"and an epoch takes {epoch:.1f} s: allow more minutes"
            )
        chosen = recipe.changed(epochs=epochs)
    train(chosen, path.parent, device=device)
    return path


def seconds_of_an_epoch(recipe: Recipe, device: str) -> float:
    """Measured over a few steps of a run that is thrown away."""
    more = recipe.changed(epochs=recipe.epochs + _WARM + _MEASURED)  # an epoch has one step at least
    run = Training(more, load_split(recipe.dataset), device)
    run.run_epoch(_WARM)
    begun = time.perf_counter()
    run.run_epoch(_MEASURED)
    return (time.perf_counter() - begun) * run.steps_per_epoch / min(_MEASURED, run.steps_per_epoch)


def _checkpoint(recipe: Recipe) -> Path:
    return directory_of(recipe) / "checkpoint.pt"
