import pytest
import torch

import model.train
from model.checkpoint import CheckpointError, load_checkpoint, selected_network
from model.recipe import Widths
from model.train import TrainingError, accuracy, train
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
def float_checkpoint(tmp_path, monkeypatch):
    """A trained float network at float/checkpoint.pt under the working directory."""
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "float")
    return "float/checkpoint.pt"


def test_a_resumed_run_equals_an_unbroken_one(tmp_path):
    unbroken = run(tmp_path / "unbroken")
    run(tmp_path / "resumed", stop_after=1)
    assert_same(run(tmp_path / "resumed"), unbroken)


def test_a_resumed_quantisation_aware_run_equals_an_unbroken_one(tmp_path, float_checkpoint):
    recipe = small_recipe(name="quantized", init_from=float_checkpoint, widths=Widths(4, 3, 4))
    unbroken = run(tmp_path / "unbroken", recipe)
    run(tmp_path / "resumed", recipe, stop_after=2)
    assert_same(run(tmp_path / "resumed", recipe), unbroken)


def test_a_resumed_run_with_learned_functions_equals_an_unbroken_one(tmp_path):
    recipe = small_recipe(activation="piecewise_linear")
    unbroken = run(tmp_path / "unbroken", recipe)
    run(tmp_path / "resumed", recipe, stop_after=1)
    assert_same(run(tmp_path / "resumed", recipe), unbroken)


def test_another_seed_trains_another_network(tmp_path):
    one, other = run(tmp_path / "1"), run(tmp_path / "2", small_recipe(seed=2))
    assert not torch.equal(one["network"]["classifier.weight"], other["network"]["classifier.weight"])


def test_training_learns(tmp_path):
    state = run(tmp_path, small_recipe(epochs=30))
    assert accuracy(selected_network(state), SPLIT.train) > 0.8


def test_the_test_set_is_read_once_and_at_the_end(tmp_path):
    reads = []

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
    monkeypatch.setattr(model.train, "accuracy", lambda network, part, device="cpu": next(figures, 0.1))
    state = run(tmp_path)
    assert (state["selected"]["epoch"], state["selected"]["validation_accuracy"]) == (2, 0.9)
    assert not torch.equal(state["selected"]["network"]["classifier.weight"], state["network"]["classifier.weight"])


def test_a_loss_that_is_nan_names_the_step_and_the_last_good_checkpoint(tmp_path, monkeypatch):
    run(tmp_path, stop_after=1)
    monkeypatch.setattr(model.train.F, "cross_entropy", lambda logits, labels: logits.sum() * float("nan"))
    with pytest.raises(TrainingError, match=r"loss is nan at step 3 \(epoch 2\); last good checkpoint: .*checkpoint.pt \(epoch 1\)"):
        run(tmp_path)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["epoch"] == 1


def test_a_loss_that_is_nan_at_once_says_that_there_is_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(model.train.F, "cross_entropy", lambda logits, labels: logits.sum() * float("nan"))
    with pytest.raises(TrainingError, match="at step 0 .* last good checkpoint: none yet"):
        run(tmp_path)


def test_a_changed_recipe_does_not_resume(tmp_path):
    run(tmp_path, stop_after=1)
    with pytest.raises(CheckpointError, match="made with other settings; pass --restart"):
        run(tmp_path, small_recipe(batch=30))


def test_restart_begins_anew(tmp_path):
    run(tmp_path, stop_after=1)
    assert_same(run(tmp_path, small_recipe(batch=30), restart=True), run(tmp_path / "new", small_recipe(batch=30)))


def test_a_write_leaves_nothing_beside_the_checkpoint(tmp_path):
    run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("damage", [lambda content: content[:100], lambda content: content[:len(content) // 2], lambda content: b"",
                                    lambda content: b"not a checkpoint at all"])
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, damage):
    run(tmp_path, stop_after=1)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match="checkpoint.pt: not a checkpoint, or damaged"):
        load_checkpoint(path)


def test_a_foreign_torch_file_is_refused(tmp_path):
    torch.save({"weights": torch.zeros(3)}, tmp_path / "foreign.pt")
    with pytest.raises(CheckpointError, match="foreign.pt: not a checkpoint"):
        load_checkpoint(tmp_path / "foreign.pt")


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    torch.save({"version": 1, "network": small_recipe()}, tmp_path / "code.pt")  # an object that only a pickle can hold
    with pytest.raises(CheckpointError, match="code.pt: not a checkpoint"):
        load_checkpoint(tmp_path / "code.pt")


def test_a_missing_checkpoint_says_what_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="train it first"):
        load_checkpoint(tmp_path / "none.pt")
