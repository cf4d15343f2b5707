"""Training: Adam on a schedule, monitored and selected on the validation split; the test set is read once, at the end."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional, Tuple, Union

import torch
from torch import nn
from tqdm import tqdm

from model.networks.resmlp import ResMLP
from model.quantized.network import CALIBRATION_IMAGES, QuantizedNetwork
from model.training.augment import Augmentation
from model.training.checkpoint import (
    CheckpointError,
    check_finished,
    load_checkpoint,
    new_network,
    recipe_of,
    save_checkpoint,
    selected_network,
)
from model.training.copies import augmented_copies, teacher_logits
from model.training.data import Part, Split, load_split, load_test
from model.training.picture_augment import PictureAugmentation
from model.training.recipe import RESMLP, Recipe
from model.training.stages import Stage, stages

_EVALUATION_BATCH = 1000


class TrainingError(RuntimeError):
    """Training cannot go on."""


def accuracy(network: nn.Module, part: Part, device: str = "cpu") -> float:
    """Fraction of images whose largest logit (the lowest class of equals) is their label."""
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


def directory_of(recipe: Recipe) -> Path:
    """Where the run's checkpoint.pt goes if nobody says otherwise."""
    return Path("build/train") / recipe.name / f"seed{recipe.seed}"


class Phase(NamedTuple):
    """What a part of the epochs trains on: augmentation, its copies of all images if they are made once, the teacher's logits for them."""

    augmentation: Union[Augmentation, PictureAugmentation, None]
    copies: Optional[torch.Tensor]
    soft: Optional[torch.Tensor]


class Training:
    """One run of a recipe. Its whole state goes into a checkpoint after every epoch, so a resumed run equals an unbroken one."""

    def __init__(self, recipe: Recipe, split: Split, device: str = "cpu"):
        self.recipe, self.split, self.device = recipe, split, device
        torch.manual_seed(recipe.seed)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.network = new_network(recipe)
        states = {kind: _finished(path) for kind, path in recipe.ancestors.items()}
        self.ancestors = {
            kind: _summary(state) for kind, state in states.items()
        }  # what the network file will say of them
        if "parent" in states:
            _take_weights(self.network, states["parent"], recipe, split)
        self.teacher = selected_network(states["teacher"]) if "teacher" in states else None
        if self.teacher is not None:
            _check_family("teacher", self.teacher, recipe)
        self.strong = self._phase(recipe.picture_augmentation or recipe.augmentation)
        self.calm = self._phase(recipe.augmentation.halved()) if recipe.calm_epochs else self.strong
        self.network.to(device)
        self.steps_per_epoch = -(-len(split.train.labels) // recipe.batch)
        self.stages = stages(
            recipe,
            self.network,
            self.teacher if self.teacher is None else self.teacher.to(device),
            self.steps_per_epoch,
        )
        self.epoch = 0
        self.selected: Optional[Dict[str, Any]] = None

    def _phase(self, augmentation: Optional[Augmentation]) -> Phase:
        """Augmented copies and the teacher's logits for them, as far as the recipe wants them."""
        if augmentation is None or not augmentation.copies:
            return Phase(augmentation, None, None)
        part, soft = self.split.train, None
        copies = augmented_copies(part, augmentation)
        if self.teacher is not None:
            soft = torch.from_numpy(teacher_logits(copies, part, augmentation, self.teacher, self.device))
        return Phase(augmentation, torch.from_numpy(copies), soft)

    def batches(self) -> Iterator[Tuple[torch.Tensor, torch.Tensor, Optional[torch.Tensor]]]:
        """The epoch's images, labels and teacher's logits, in a new order every epoch."""
        part = self.split.train
        augmentation, copies, soft = (
            self.strong if self.epoch < self.recipe.epochs - self.recipe.calm_epochs else self.calm
        )
        images = part.images if copies is None else copies[self.epoch % len(copies)]
        soft = None if soft is None else soft[self.epoch % len(soft)]
        for chosen in torch.randperm(len(part.labels), generator=self.generator).split(self.recipe.batch):
            batch = images[chosen].to(self.device)
            if augmentation is not None and copies is None:
                batch = augmentation(batch, self.generator)
            yield (
                batch,
                part.labels[chosen].to(self.device),
                self._soft(batch) if soft is None else soft[chosen].to(self.device),
            )

    @torch.no_grad()
    def _soft(self, batch: torch.Tensor) -> Optional[torch.Tensor]:
        """The teacher's logits, where nobody computed them beforehand and somebody will want them."""
        return self.teacher(batch) if self.teacher is not None and self.stage.selects else None

    @property
    def stage(self) -> Stage:
        """The one that the next epoch belongs to; after the last epoch the last."""
        return self._stage_of(self.epoch)

    def _stage_of(self, epoch: int) -> Stage:
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage
            epoch -= stage.epochs
        return self.stages[-1]

    def run_epoch(self) -> float:
        """One pass over the training images. Returns the mean loss."""
        self.network.train()
        total, stage = 0.0, self.stage
        for number, (images, labels, soft) in enumerate(self.batches()):
            loss = stage.loss(images, labels, soft)
            if not torch.isfinite(loss):
                raise TrainingError(
                    f"loss is {loss.item()} at step {self.epoch * self.steps_per_epoch + number} (epoch {self.epoch + 1})"
                )
            stage.optimizer.zero_grad()
            loss.backward()
            stage.optimizer.step()
            stage.schedule.step()
            total += loss.item() * len(labels)
        for (
            name,
            parameter,
        ) in self.network.named_parameters():  # look-ups swallow a NaN: the loss alone does not tell
            if not torch.isfinite(parameter).all():
                last = (self.epoch + 1) * self.steps_per_epoch - 1
                raise TrainingError(f"{name} is not finite after step {last} (epoch {self.epoch + 1})")
        self.epoch += 1
        return total / len(self.split.train.labels)

    def validate(self) -> float:
        """Accuracy on the validation images; the weights of the best epoch, the later of equals, are kept."""
        found = accuracy(self.network, self.split.validation, self.device)
        if not self._stage_of(self.epoch - 1).selects:
            return found
        if self.selected is None or found >= self.selected["validation_accuracy"]:
            self.selected = {
                "epoch": self.epoch,
                "validation_accuracy": found,
                "network": copy.deepcopy(self.network.state_dict()),
            }
        return found

    def state(self) -> Dict[str, Any]:
        return {
            "recipe_name": self.recipe.name,
            "recipe": self.recipe.settings(),
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "optimizer": self.stage.optimizer.state_dict(),
            "schedule": self.stage.schedule.state_dict(),
            "generator": self.generator.get_state(),
            "torch_generator": torch.get_rng_state(),
            "cuda_generator": torch.cuda.get_rng_state() if self.device == "cuda" else None,
            "selected": self.selected,
            "ancestors": self.ancestors,
            "device": self.device,
            "torch": str(torch.__version__),
        }

    def restore(self, state: Dict[str, Any]) -> None:
        self.epoch, self.selected = state["epoch"], state["selected"]
        self.network.load_state_dict(state["network"])
        self.stage.optimizer.load_state_dict(state["optimizer"])
        self.stage.schedule.load_state_dict(state["schedule"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch_generator"])  # dropout draws from it, on a GPU from the next
        if state["cuda_generator"] is not None:
            torch.cuda.set_rng_state(state["cuda_generator"])


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
    """Run the recipe to its end, resuming directory/checkpoint.pt if it is there. Returns the checkpoint's contents.

    stop_after: stop after that epoch, as an interruption would.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            f"device cuda: torch {torch.__version__} sees no GPU; leave out --device, or install a torch built for CUDA "
            "(docs/training.md)"
        )
    path = Path(directory or directory_of(recipe)) / "checkpoint.pt"
    _make_directory(path.parent)
    resumed = load_checkpoint(path) if path.is_file() and not restart else None
    if resumed is not None:
        _check_same(path, resumed, recipe)
        if "test_accuracy" in resumed:
            return resumed
    run = Training(recipe, split or load_split(recipe.dataset), device)
    if resumed is not None:
        run.restore(resumed)
        print(f"{path}: going on after epoch {run.epoch} of {recipe.all_epochs}", file=sys.stderr)
    saved = f"{path} (epoch {run.epoch})" if run.epoch else "none yet"
    with tqdm(
        total=recipe.all_epochs, initial=run.epoch, desc=f"{recipe.name} seed {recipe.seed}", unit="epoch"
    ) as progress:
        while run.epoch < min(recipe.all_epochs, stop_after or recipe.all_epochs):
            try:
                loss = run.run_epoch()
            except TrainingError as error:
                raise TrainingError(f"{error}; last good checkpoint: {saved}") from None
            validation = run.validate()
            save_checkpoint(path, run.state())
            saved = f"{path} (epoch {run.epoch})"
            progress.set_postfix(loss=f"{loss:.4f}", validation=f"{100 * validation:.2f} %")
            progress.update()
    state = load_checkpoint(path)
    if run.epoch == recipe.all_epochs and "test_accuracy" not in state:
        state["test_accuracy"] = accuracy(selected_network(state), load_test(recipe.dataset))
        save_checkpoint(path, state)
    return state


def _make_directory(directory: Path) -> None:
    """Now, not after the first epoch."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise TrainingError(
            f"{directory}: is a file or lies under one, where the directory of the checkpoint should be"
        ) from None


def _check_same(path: Path, state: Dict[str, Any], recipe: Recipe) -> None:
    """A checkpoint is this recipe's if its settings are, and its parent and teacher those that lie there now."""
    changed, then, now = (
        None,
        recipe_of(state).settings(),
        recipe.settings(),
    )  # a key that came later had its default
    different = [key for key in {**then, **now} if then.get(key) != now.get(key)]
    if different:
        changed = (
            f"settings ({different[0]}: {then.get(different[0])!r} there, {now.get(different[0])!r} now)"
        )
    for kind, ancestor in recipe.ancestors.items():
        if (
            changed is None
            and ancestor.is_file()
            and _summary(load_checkpoint(ancestor)) != state["ancestors"][kind]
        ):
            changed = f"{kind} than {ancestor}"
    if changed is not None:
        raise CheckpointError(
            f"{path} was made with other {changed}; --out names another directory, --restart overwrites what is there"
        )


def _finished(path: Path) -> Dict[str, Any]:
    state = load_checkpoint(path)
    check_finished(path, state)
    return state


def _take_weights(network: nn.Module, state: Dict[str, Any], recipe: Recipe, split: Split) -> None:
    """Give the network the trained weights of its parent."""
    try:
        trained = selected_network(state)
        if isinstance(trained, QuantizedNetwork):
            raise CheckpointError(
                f"recipe {recipe.name}: init_from must be a float network, {recipe.init_from} is quantised"
            )
        _check_family("init_from", trained, recipe)
        if isinstance(network, QuantizedNetwork):
            network.take_weights(trained, split.train.images[:CALIBRATION_IMAGES])
        else:
            network.load_state_dict(trained.state_dict())
    except RuntimeError as error:  # torch's own message lists every tensor
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"recipe {recipe.name}: the weights of {recipe.init_from} do not fit its network ({reason[:200]})"
        ) from None


def _check_family(what: str, ancestor: nn.Module, recipe: Recipe) -> None:
    """ResMLP builds on ResMLP and the others on the others; blocks are taught by a float network."""
    resmlp = getattr(ancestor, "family", None) == "resmlp"
    if resmlp != (recipe.network == RESMLP):
        raise CheckpointError(
            f"recipe {recipe.name}: {what} is a {ancestor.kind}, which is of no use to network {recipe.network}"
        )
    if recipe.all_epochs > recipe.epochs and not isinstance(ancestor, ResMLP):
        raise CheckpointError(
            f"recipe {recipe.name}: transfer_epochs need a float teacher, this one is quantised"
        )


def _summary(state: Dict[str, Any]) -> Dict[str, Any]:
    selected = state["selected"] and state["selected"]["validation_accuracy"]
    return {
        "recipe_name": state["recipe_name"],
        "recipe": state["recipe"],
        "ancestors": state["ancestors"],
        "validation_accuracy": selected,
        "test_accuracy": state.get("test_accuracy"),
    }
