"""Training: the validation images select the epoch; the test set is read once, at the end."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import itertools
import os
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from model.training import epoch_log
from model.training.ancestors import (
    check_same_run,
    load_ancestors,
    start_from_parent,
    summary,
    teacher_network,
)
from model.training.batches import Batch, TrainingImages
from model.training.checkpoint import finished, load_checkpoint, save_checkpoint, selected_network
from model.training.data import Part, Split, load_split, load_test
from model.training.objective import loss_of, optimizer_of, schedule_of
from model.training.recipe import Recipe

_EVALUATION_BATCH = 1000


class TrainingError(RuntimeError):
    """Training cannot go on."""


def train(
    recipe: Recipe,
    directory: Optional[Path] = None,
    *,
    device: str = "cpu",
    restart: bool = False,
    split: Optional[Split] = None,
    stop_after: Optional[int] = None,
    load_test: Callable[[str], Part] = load_test,
) -> Dict[str, Any]:
    """Run the recipe to its end, resuming directory/checkpoint.pt if it is there.

    Returns what the checkpoint holds.

    stop_after: stop after that epoch, as an interruption would.
    """
    _check_device(device)
    recipe = recipe.completed()
    path = Path(directory or directory_of(recipe)) / "checkpoint.pt"
    _make_directory(path.parent)
    with _alone_in(path.parent):
        return _train(recipe, path, device, restart, split, stop_after, load_test)


def _train(
    recipe: Recipe,
    path: Path,
    device: str,
    restart: bool,
    split: Optional[Split],
    stop_after: Optional[int],
    load_test: Callable[[str], Part],
) -> Dict[str, Any]:
    resumed = load_checkpoint(path) if path.is_file() and not restart else None
    if resumed is not None:
        check_same_run(path, resumed, recipe)
        if "test_accuracy" in resumed:
            return resumed

    run = Training(recipe, split or load_split(recipe.dataset), device)
    if resumed is not None:
        run.restore(resumed)
        print(f"{path}: going on after epoch {run.epoch} of {recipe.epochs}", file=sys.stderr)
    else:
        epoch_log.begin(path.parent)
    run.run_epochs(path, stop_after or recipe.epochs)

    state = load_checkpoint(path)
    if run.epoch == recipe.epochs and "test_accuracy" not in state:
        state = finished(state, accuracy(selected_network(state), load_test(recipe.dataset)))
        save_checkpoint(path, state)
    return state


def directory_of(recipe: Recipe) -> Path:
    """Where the run's checkpoint.pt goes unless the caller names a directory."""
    return Path("build/train") / recipe.name / f"seed{recipe.seed}"


def accuracy(network: nn.Module, part: Part, device: str = "cpu") -> float:
    """The fraction of images whose label has the largest logit; of equal logits the lowest class counts."""
    training = network.training
    network.eval()
    with torch.no_grad():
        correct = sum(
            int((network(images.to(device)).argmax(1).cpu() == labels).sum())
            for images, labels in zip(
                part.images.split(_EVALUATION_BATCH), part.labels.split(_EVALUATION_BATCH)
            )
        )
    network.train(training)
    return correct / len(part.labels)


class Training:
    """One run of a recipe.

    Its checkpoint after each epoch holds all of its state, so a resumed run equals an unbroken one.
    """

    def __init__(self, recipe: Recipe, split: Split, device: str = "cpu"):
        self.recipe, self.split, self.device = recipe, split, device
        torch.manual_seed(recipe.seed)  # for the initial weights and for dropout
        # For the order of the images and for their augmentation.
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.network = recipe.network_to_train()

        recipe.begin(self.network, split.train.images)
        states = load_ancestors(recipe)
        self.ancestors = {kind: summary(state) for kind, state in states.items()}
        if "parent" in states:
            start_from_parent(self.network, states["parent"], recipe, split.train.images)
        self.teacher = teacher_network(states["teacher"], recipe) if "teacher" in states else None

        self.images = TrainingImages(recipe, split.train, self.teacher, device)
        self.steps_per_epoch = self.images.batches_per_epoch
        self.network.to(device)
        if self.teacher is not None:
            self.teacher.to(device)
        self.optimizer = optimizer_of(recipe, self.network)
        self.schedule = schedule_of(recipe, self.optimizer, recipe.epochs * self.steps_per_epoch)
        # What validation judges and the run leaves: the weights, or their mean over the last steps.
        self.result: nn.Module = self.network
        if recipe.average:
            # With the statistics of its norms: those of the present weights do not fit the mean of many.
            mean = get_ema_multi_avg_fn(recipe.average)
            self.average = AveragedModel(self.network, multi_avg_fn=mean, use_buffers=True)
            self.result = self.average.module
        self.epoch = 0  # how many are finished
        self.selected: Optional[Dict[str, Any]] = None

    def run_epochs(self, path: Path, end: int) -> None:
        """Train until that many epochs are finished, and write the checkpoint after each of them."""
        total, saved = self.recipe.epochs, f"{path} (epoch {self.epoch})" if self.epoch else "none yet"
        title = f"{self.recipe.name} seed {self.recipe.seed}"
        with tqdm(total=total, initial=self.epoch, desc=title, unit="epoch") as progress:
            while self.epoch < min(total, end):
                begun = time.process_time()
                try:
                    loss = self.run_epoch()
                except TrainingError as error:
                    raise TrainingError(f"{error}; last good checkpoint: {saved}") from None
                validation = self.validate()
                save_checkpoint(path, self.state())
                epoch_log.append(path.parent, self.epoch, loss, validation, time.process_time() - begun)
                saved = f"{path} (epoch {self.epoch})"
                progress.set_postfix(loss=f"{loss:.4f}", validation=f"{100 * validation:.2f} %")
                progress.update()

    def run_epoch(self, steps: Optional[int] = None) -> float:
        """One pass over the training images, or its first steps. Returns the mean loss."""
        self.network.train()
        losses, counts = [], []  # read after the last step: a GPU need not wait for Python in between
        for images, labels, soft in itertools.islice(self.batches(), steps):
            loss = loss_of(self.recipe, self.network, images, labels, soft)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            if self.recipe.average:
                self.average.update_parameters(self.network)
            losses.append(loss.detach())
            counts.append(len(labels))
        losses = torch.stack(losses).cpu()
        self._check_losses(losses)
        self._check_parameters()
        self.epoch += 1
        return float(losses.double() @ torch.tensor(counts, dtype=torch.float64)) / sum(counts)

    def batches(self) -> Iterator[Batch]:
        """The batches of the next epoch."""
        return self.images.batches(self.epoch, self.generator)

    def _check_losses(self, losses: torch.Tensor) -> None:
        wrong = (~torch.isfinite(losses)).nonzero()
        if len(wrong):
            number = int(wrong[0])
            step = self.epoch * self.steps_per_epoch + number
            raise TrainingError(f"loss is {losses[number].item()} at step {step} (epoch {self.epoch + 1})")

    def _check_parameters(self) -> None:
        """Stop at a NaN that the loss does not show: a table look-up turns NaN into an ordinary entry."""
        for name, parameter in self.network.named_parameters():
            if not torch.isfinite(parameter).all():
                last = (self.epoch + 1) * self.steps_per_epoch - 1
                raise TrainingError(f"{name} is not finite after step {last} (epoch {self.epoch + 1})")

    def validate(self) -> float:
        """Accuracy on the validation images.

        The weights of the best epoch are kept, those of the latest one on a tie.
        """
        validation = accuracy(self.result, self.split.validation, self.device)
        if self.selected is None or validation >= self.selected["validation_accuracy"]:
            self.selected = {
                "epoch": self.epoch,
                "validation_accuracy": validation,
                "network": copy.deepcopy(self.result.state_dict()),
            }
        return validation

    def state(self) -> Dict[str, Any]:
        """All that a resumed run needs, and what a network file will say of this one.

        It holds no paths of this machine.
        """
        return {
            "recipe_name": self.recipe.name,
            "recipe": self.recipe.settings(),
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": self.average.state_dict() if self.recipe.average else None,
            "generator": self.generator.get_state(),
            "torch_generator": torch.get_rng_state(),
            "cuda_generator": torch.cuda.get_rng_state() if self.device == "cuda" else None,
            "selected": self.selected,
            "ancestors": self.ancestors,
            "device": self.device,
            "torch": str(torch.__version__),
        }

    def restore(self, state: Dict[str, Any]) -> None:
        """Go on where the run was that gave this state."""
        self.epoch, self.selected = state["epoch"], state["selected"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.recipe.average:
            self.average.load_state_dict(state["average"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch_generator"])  # dropout draws from it; on a GPU, from the next one
        if state["cuda_generator"] is not None:
            torch.cuda.set_rng_state(state["cuda_generator"])


def _check_device(device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            f"device cuda: torch {torch.__version__} sees no GPU; leave out --device, or install a torch "
            "built for CUDA (docs/training.md)"
        )


@contextlib.contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keep other processes from training in the directory. The system frees it when a process ends."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"{directory}: another process trains there; wait for it, or name another with --out"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _make_directory(directory: Path) -> None:
    """Fail before the first epoch, and not after it, where no checkpoint can be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise TrainingError(
            f"{directory}: is a file or lies under one, where the directory of the checkpoint should be"
        ) from None
