import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
import torch

import model.training.batches
import model.training.objective
import model.training.recipe.base
import model.training.train
from lst_overlay.network import QFormat, content_hash
from model.networks.lst import MLP
from model.quantized.fixed_point import quantize_post_training
from model.quantized.lst import QuantizedLST
from model.training import copies
from model.training.augment import Augmentation
from model.training.checked import PositiveCount
from model.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint, selected_network
from model.training.objective import loss_of
from model.training.recipe import Distillation, Recipe, RecipeError, Widths
from model.training.recipe.digits import DigitsRecipe
from model.training.train import Training, TrainingError, accuracy, directory_of, train
from tests.model.small import small_recipe, small_split, small_test

SPLIT = small_split()


def run(directory, recipe=None, **options):
    return train(recipe or small_recipe(), directory, split=SPLIT, load_test=small_test, **options)


def assert_same(one, other):
    """Two checkpoints, tensor by tensor and value by value."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


@pytest.fixture
def ancestors(tmp_path, monkeypatch):
    """Trained float networks and a teacher in the working directory, which also keeps augmented copies."""
    monkeypatch.chdir(tmp_path)
    run("parent", small_recipe(name="parent", epochs=1))
    run(
        "learned",
        small_recipe(name="learned", epochs=1, activation="piecewise_linear", knots=9, per_channel=True),
    )
    run("teacher", small_recipe(name="teacher", epochs=1, network="784-10"))


QUANTIZED = {"init_from": "parent/checkpoint.pt", "widths": Widths(4, 3, 4)}
COPIES = Augmentation(copies=2)
DISTILLED = {"augmentation": COPIES, "distillation": Distillation("teacher/checkpoint.pt")}
RECIPES = {
    "float": {},
    "learned": {"activation": "piecewise_linear"},
    "dropout": {"dropout": 0.2},
    "no augmentation": {"augmentation": None},
    "cosine, weight decay": {"schedule": "cosine", "weight_decay": 1e-3},
    "constant": {"schedule": "constant"},
    "copies": {"augmentation": COPIES},
    "distilled": {**DISTILLED, "dropout": 0.1},
    "quantized": QUANTIZED,
    "quantized and distilled": {**QUANTIZED, **DISTILLED},
    "per channel and quantized": {
        "activation": "piecewise_linear",
        "knots": 9,
        "per_channel": True,
        "init_from": "learned/checkpoint.pt",
        "widths": Widths([4, 5, 6], [3, 4], 4),
    },
}
every_recipe = pytest.mark.parametrize(
    "recipe", [small_recipe(**changes) for changes in RECIPES.values()], ids=RECIPES
)


def exported_hash(state):
    """The content hash of the network file that the run ends in."""
    network = selected_network(state)
    if not isinstance(network, QuantizedLST):
        network = quantize_post_training(network, QFormat(6, 7))
    return content_hash(network.export("n", {}))


@every_recipe
def test_the_same_recipe_and_seed_give_the_same_network(ancestors, recipe):
    one, other = run("one", recipe), run("other", recipe)
    assert exported_hash(one) == exported_hash(other)
    assert_same(one, other)


@every_recipe
@pytest.mark.parametrize("after", [1, 2])
def test_a_resumed_run_equals_an_unbroken_one(ancestors, recipe, after):
    unbroken = run("unbroken", recipe)
    run("resumed", recipe, stop_after=after)
    torch.manual_seed(0)  # another process has other random numbers
    resumed = run("resumed", recipe)
    assert exported_hash(resumed) == exported_hash(unbroken)
    assert_same(resumed, unbroken)


def test_a_finished_run_is_not_run_again(tmp_path, monkeypatch):
    finished = run(tmp_path)
    monkeypatch.setattr(model.training.train, "Training", None)
    assert_same(run(tmp_path), finished)


def test_a_run_names_its_parent_and_its_teacher(ancestors):
    state = run("run", small_recipe(**QUANTIZED, **DISTILLED))
    assert {kind: ancestor["recipe_name"] for kind, ancestor in state["ancestors"].items()} == {
        "parent": "parent",
        "teacher": "teacher",
    }
    assert (
        state["ancestors"]["parent"]["recipe"]["epochs"] == 1
        and state["ancestors"]["parent"]["test_accuracy"] is not None
    )


def test_the_parent_may_be_of_the_runs_own_seed(ancestors):
    run("7", small_recipe(name="parent", epochs=1, seed=7))
    state = run("run", small_recipe(**{**QUANTIZED, "init_from": "{seed}/checkpoint.pt"}, seed=7))
    assert state["ancestors"]["parent"]["recipe"]["seed"] == 7


def test_a_network_family_is_one_declaration(tmp_path, monkeypatch):
    """Recipes of it are read, checked and trained, and its checkpoint gives the network back."""
    monkeypatch.setattr(model.training.recipe.base, "FAMILIES", [*model.training.recipe.base.FAMILIES])

    @model.training.recipe.base.family
    class PerceptronRecipe(DigitsRecipe):
        network: Literal["perceptron"] = "perceptron"
        width: PositiveCount = 7

        def new_network(self):
            return MLP((self.width,))

    (tmp_path / "new.toml").write_text('dataset = "digits"\nnetwork = "perceptron"\nepochs = 1\nwidth = 5\n')
    recipe = Recipe.read(tmp_path / "new.toml")
    state = run(tmp_path / "run", recipe)
    assert selected_network(state).hidden[0].out_features == recipe.width == 5
    with pytest.raises(RecipeError, match="width belongs to network perceptron, not to lst1"):
        Recipe.from_settings("r", {"width": 5})


def test_the_checkpoint_goes_to_a_directory_of_the_recipe_and_the_seed():
    assert directory_of(small_recipe(name="n", seed=3)).as_posix() == "build/train/n/seed3"


def test_copies_are_used_in_turn(ancestors):
    training = Training(small_recipe(augmentation=COPIES, epochs=4), SPLIT)
    seen = []
    for _ in range(4):
        batches = torch.cat([images for images, _, _ in training.batches()])
        seen.append({image.numpy().tobytes() for image in batches})
        training.epoch += 1
    assert seen[0] == seen[2] and seen[1] == seen[3] and seen[0] != seen[1]


def test_images_labels_and_teachers_logits_stay_together(ancestors):
    training = Training(small_recipe(**DISTILLED), SPLIT)
    teacher, labels = selected_network(load_checkpoint("teacher/checkpoint.pt")), {}
    for image, label in zip(training.images.strong.copies[0], SPLIT.train.labels):
        labels[image.numpy().tobytes()] = int(label)
    for images, given, soft in training.batches():
        assert [labels[image.numpy().tobytes()] for image in images] == given.tolist()
        torch.testing.assert_close(soft, teacher(images).detach(), rtol=1e-4, atol=1e-5)


def test_the_loss_is_labels_and_teacher_in_their_parts(ancestors):
    """(1 - weight) CE(labels) + weight T^2 CE(teacher / T, student / T)."""
    recipe = small_recipe(
        **{**DISTILLED, "distillation": Distillation("teacher/checkpoint.pt", weight=0.75, temperature=2.0)}
    )
    training = Training(recipe, SPLIT)
    images, labels, soft = next(training.batches())
    logits = training.network(images).detach()
    wanted = 0.0
    for said, label, taught in zip(logits.double(), labels, soft.double()):
        probability, cool, target = (torch.softmax(x, 0) for x in (said, said / 2, taught / 2))
        wanted += -0.25 * math.log(probability[label]) - 0.75 * 4 * float((target * cool.log()).sum())
    assert loss_of(training.recipe, training.network, images, labels, soft).item() == pytest.approx(
        wanted / len(labels), rel=1e-5
    )


def test_another_seed_trains_another_network(tmp_path):
    one, other = (
        run(tmp_path / f"{seed}", small_recipe(seed=seed))["selected"]["network"] for seed in (1, 2)
    )
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])


def test_training_learns(tmp_path):
    state = run(tmp_path, small_recipe(epochs=30))
    assert accuracy(selected_network(state), SPLIT.train) > 0.8


def test_the_test_set_is_read_once_and_at_the_end(tmp_path, monkeypatch):
    reads = []
    monkeypatch.setattr(model.training.train, "load_test", None)  # the argument is the only way to it

    def counting(dataset):
        reads.append(dataset)
        return small_test(dataset)

    train(small_recipe(), tmp_path, split=SPLIT, load_test=counting, stop_after=2)
    assert reads == []
    for _ in range(2):
        state = train(small_recipe(), tmp_path, split=SPLIT, load_test=counting)
    assert reads == ["digits"] and 0 <= state["test_accuracy"] <= 1


def test_the_selected_weights_are_those_of_the_best_validation(tmp_path, monkeypatch):
    figures = iter([0.5, 0.9, 0.7])
    monkeypatch.setattr(
        model.training.train, "accuracy", lambda network, part, device="cpu": next(figures, 0.1)
    )
    second = run(tmp_path, stop_after=2)["network"]["classifier.weight"]
    selected = run(tmp_path)["selected"]
    assert (selected["epoch"], selected["validation_accuracy"]) == (2, 0.9)
    assert torch.equal(selected["network"]["classifier.weight"], second)


def test_validation_looks_and_changes_nothing():
    """With dropout and normalisation, which compute otherwise while a network learns."""
    training = Training(
        small_recipe(network="784-40-10", dropout=0.5, normalize=True, dataset="mnist"), SPLIT
    )
    training.run_epoch()
    before = {name: tensor.clone() for name, tensor in training.network.state_dict().items()}
    assert training.network.training
    assert accuracy(training.network, SPLIT.train) == accuracy(training.network, SPLIT.train)
    assert training.network.training
    assert_same(dict(training.network.state_dict()), before)


def test_of_epochs_equal_on_validation_the_last_is_selected(tmp_path, monkeypatch):
    monkeypatch.setattr(model.training.train, "accuracy", lambda network, part, device="cpu": 0.5)
    assert run(tmp_path)["selected"]["epoch"] == 3


def test_validation_is_what_selects(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        model.training.train, "accuracy", lambda network, part, device="cpu": seen.append(part) or 0.5
    )
    run(tmp_path, stop_after=2)
    assert all(part is SPLIT.validation for part in seen) and len(seen) == 2


def test_a_loss_that_is_nan_names_the_step_and_the_last_good_checkpoint(tmp_path, monkeypatch):
    run(tmp_path, stop_after=1)
    monkeypatch.setattr(
        model.training.objective.F, "cross_entropy", lambda logits, *_, **__: logits.sum() * float("nan")
    )
    with pytest.raises(
        TrainingError,
        match=r"loss is nan at step 3 \(epoch 2\); last good checkpoint: .*checkpoint.pt \(epoch 1\)",
    ):
        run(tmp_path)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["epoch"] == 1


def test_a_loss_that_is_nan_at_once_says_that_there_is_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(
        model.training.objective.F, "cross_entropy", lambda logits, *_, **__: logits.sum() * float("nan")
    )
    with pytest.raises(TrainingError, match="at step 0 .* last good checkpoint: none yet"):
        run(tmp_path)


def test_a_gpu_that_is_not_there_is_named_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="device cuda: torch .* sees no GPU; leave out --device"):
        train(small_recipe(), tmp_path / "run", device="cuda")
    assert not (tmp_path / "run").exists()


def test_a_changed_recipe_does_not_resume(tmp_path):
    run(tmp_path, stop_after=1)
    with pytest.raises(
        CheckpointError,
        match="was made with other settings .*--out names another directory, --restart overwrites",
    ):
        run(tmp_path, small_recipe(batch=30))


@pytest.mark.parametrize("stop_after", [1, None])
@pytest.mark.parametrize("kind", ["parent", "teacher"])
def test_a_run_whose_ancestor_was_trained_anew_is_not_taken_for_its_child(ancestors, kind, stop_after):
    recipe = small_recipe(**QUANTIZED, **DISTILLED)
    run("run", recipe, stop_after=stop_after)
    changes = {"network": "784-10"} if kind == "teacher" else {}
    run(kind, small_recipe(name=kind, epochs=1, learning_rate=1e-3, **changes), restart=True)
    with pytest.raises(
        CheckpointError,
        match=f"made with other {kind} than {kind}/checkpoint.pt; --out .* --restart overwrites",
    ):
        run("run", recipe)
    assert run("run", recipe, restart=True)["ancestors"][kind]["recipe"]["learning_rate"] == 1e-3


def test_a_finished_run_outlives_its_ancestors(ancestors):
    recipe = small_recipe(**QUANTIZED)
    finished = run("run", recipe)
    Path("parent/checkpoint.pt").unlink()
    assert_same(run("run", recipe), finished)


@pytest.mark.parametrize("kind, changes", [("parent", QUANTIZED), ("teacher", DISTILLED)])
def test_an_unfinished_ancestor_is_refused(ancestors, kind, changes):
    run(
        kind,
        small_recipe(name=f"own_{kind}", network="784-10" if kind == "teacher" else "lst1"),
        stop_after=1,
        restart=True,
    )
    with pytest.raises(
        CheckpointError,
        match=f"{kind}/checkpoint.pt: training stopped after 1 of 3 epochs; finish it first: "
        f"python -m model train own_{kind}.toml --seed 1",
    ):
        run("run", small_recipe(**changes))


def test_a_checkpoint_from_before_a_key_was_there_is_still_the_recipes(tmp_path):
    run(tmp_path)
    state = load_checkpoint(tmp_path / "checkpoint.pt")
    del state["recipe"]["calm_epochs"], state["version"]
    save_checkpoint(tmp_path / "checkpoint.pt", state)
    assert run(tmp_path)["recipe"] == state["recipe"]


def test_a_checkpoint_whose_recipe_is_of_another_version_says_so(tmp_path):
    run(tmp_path)
    state = load_checkpoint(tmp_path / "checkpoint.pt")
    state["recipe"]["momentum"] = 0.9
    del state["version"]
    save_checkpoint(tmp_path / "checkpoint.pt", state)
    message = "small was made by another version of this program, .*unknown key 'momentum'.* train it again"
    for use in (lambda: run(tmp_path), lambda: selected_network(state)):
        with pytest.raises(CheckpointError, match=message):
            use()


def test_restart_begins_anew(tmp_path):
    run(tmp_path, stop_after=1)
    assert_same(
        run(tmp_path, small_recipe(batch=30), restart=True), run(tmp_path / "new", small_recipe(batch=30))
    )


def test_a_run_leaves_its_checkpoint_and_its_log_alone(tmp_path):
    run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "epochs.csv"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:100],
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"not a checkpoint at all",
        *(lambda content, tenths=tenths: content[: len(content) * tenths // 10] for tenths in range(1, 10)),
    ],
)
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, damage):
    run(tmp_path, stop_after=1)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        CheckpointError, match="checkpoint.pt: not a checkpoint, or damaged .*--restart makes it anew"
    ):
        load_checkpoint(path)


def test_a_checkpoint_with_other_bytes_in_a_tensor_is_refused(tmp_path):
    """torch does not look at the checksums of its files."""
    weight = run(tmp_path, stop_after=1)["selected"]["network"]["classifier.weight"]
    path, raw = tmp_path / "checkpoint.pt", weight.numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(raw) + 3] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="checkpoint.pt: not a checkpoint, or damaged"):
        load_checkpoint(path)


def test_a_second_process_is_told_that_the_run_is_under_way(tmp_path):
    program = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX); print()"
    other = subprocess.Popen(
        [sys.executable, "-c", f"{program}; sys.stdout.flush(); input()", tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    other.stdout.readline()
    with pytest.raises(TrainingError, match="another process trains there; wait for it, or name another"):
        run(tmp_path)
    other.kill()
    other.communicate()
    assert run(tmp_path)["epoch"] == 3  # nothing is left of a process that ended


def test_a_directory_that_is_a_file_is_refused_before_the_first_epoch(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(Training, "run_epoch", None)
    with pytest.raises(
        TrainingError,
        match="file: is a file or lies under one, where the directory of the checkpoint should be",
    ):
        run(tmp_path / "file")


def test_a_foreign_torch_file_is_refused(tmp_path):
    for content in ({"weights": torch.zeros(3)}, {"version": 1, "state_dict": {}}):
        torch.save(content, tmp_path / "foreign.pt")
        with pytest.raises(CheckpointError, match="foreign.pt: not a checkpoint of python -m model train"):
            load_checkpoint(tmp_path / "foreign.pt")


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    an_object = small_recipe()  # which only a pickle can hold
    torch.save({"version": 1, "network": an_object}, tmp_path / "code.pt")
    with pytest.raises(CheckpointError, match="code.pt: not a checkpoint"):
        load_checkpoint(tmp_path / "code.pt")


def test_a_missing_checkpoint_says_what_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="train it first: python -m model train RECIPE.toml"):
        load_checkpoint(tmp_path / "none.pt")
    with pytest.raises(
        FileNotFoundError, match="train it first: python -m model train recipes/teacher.toml --seed 1"
    ):
        load_checkpoint("build/train/teacher/seed1/other.pt")
    with pytest.raises(FileNotFoundError, match="train it first: python -m model train own.toml --seed 1"):
        load_checkpoint("build/train/own/seed1/other.pt")


def test_the_last_epochs_see_half_the_augmentation(tmp_path, monkeypatch):
    monkeypatch.setattr(
        model.training.batches,
        "augmented_copies",
        lambda part, augmentation: copies.augmented_copies(part, augmentation, tmp_path),
    )
    recipe = small_recipe(epochs=3, calm_epochs=1, augmentation=Augmentation(rotate_degrees=20.0, copies=2))
    training = Training(recipe, SPLIT)
    assert training.images.calm.augmenter.rotate_degrees == 10.0
    for epoch, phase in ((0, training.images.strong), (1, training.images.strong), (2, training.images.calm)):
        training.epoch = epoch
        known = {image.numpy().tobytes() for image in phase.copies[epoch % 2]}
        assert all(
            image.numpy().tobytes() in known for images, _, _ in training.batches() for image in images
        )


def test_half_the_augmentation_keeps_the_number_of_copies():
    assert Augmentation(12.0, 0.2, 0.1, 0.3, elastic=0.5, copies=7).halved() == Augmentation(
        6.0, 0.1, 0.05, 0.15, elastic=0.25, copies=7
    )


def test_a_quantised_network_is_no_parent(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(small_recipe(), "float", split=small_split(), load_test=small_test)
    aware = small_recipe(name="aware", epochs=1, init_from="float/checkpoint.pt", widths=Widths(4, 4, 4))
    train(aware, "aware", split=small_split(), load_test=small_test)
    with pytest.raises(
        CheckpointError, match="init_from must be a float network, aware/checkpoint.pt is quantised"
    ):
        Training(dataclasses.replace(aware, init_from="aware/checkpoint.pt"), small_split())


def test_a_full_disk_is_one_error_and_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    run(tmp_path, stop_after=1)

    def full(state, path):
        path.write_bytes(b"half of it")
        raise RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        OSError, match="cannot be written .*PytorchStreamWriter.*; the earlier one is as it was"
    ):
        run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "epochs.csv"]
    assert load_checkpoint(tmp_path / "checkpoint.pt")["epoch"] == 1


def test_a_missing_teacher_of_the_project_is_named_with_the_command_that_makes_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        FileNotFoundError, match="no such checkpoint; train it first: python -m model ship teacher"
    ):
        load_checkpoint("networks/teacher.pt")
