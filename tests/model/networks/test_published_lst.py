import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from model.networks.published_lst import INPUT_SCALE, load_published
from model.reports.evaluate import evaluate
from model.training.checkpoint import CheckpointError
from model.training.data import load_test
from tests.images import test_images
from tests.model.small import random_images
from tests.model.test_commands import command

NAMES = {1: ["L2DST"], 2: ["L2DST_1", "L2DST_2"], 3: ["L2DST_1", "L2DST_2", "L2DST_3"]}
REAL = Path(os.environ.get("LST_DATA_DIR", "nowhere")) / "reference_checkpoints"


def published_state(transforms, seed=0):
    """Tensors under the published names, for LST-1, LST-2 or ResLST-3."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {f"{name}.dense{number}": (28, 28) for name in NAMES[transforms] for number in (1, 2)}
    shapes["W_o"] = (10, 784)
    return {
        f"{name}.{part}": 0.2 * torch.randn(shape if part == "weight" else shape[:1], generator=generator)
        for name, shape in shapes.items()
        for part in ("weight", "bias")
    }


def published_logits(state, images):
    """The published computation in float64, from its description: rows, then columns, each FC and tanh."""
    state = {key: value.double() for key, value in state.items()}
    x = (images.double() / 255 - 0.5) / 0.5
    outputs = []
    for name in sorted({key.split(".")[0] for key in state} - {"W_o"}):
        for number in (1, 2):
            weight, bias = state[f"{name}.dense{number}.weight"], state[f"{name}.dense{number}.bias"]
            # The result is transposed, so that the next layer takes the columns.
            x = torch.tanh(torch.einsum("ok,nrk->nor", weight, x) + bias[:, None])
        outputs.append(x)
    if len(outputs) == 3:
        x = x + outputs[0]
    return x.flatten(1) @ state["W_o.weight"].T + state["W_o.bias"]


@pytest.fixture
def saved(tmp_path):
    def save(state):
        torch.save(state, tmp_path / "published.pth")
        return tmp_path / "published.pth"

    return save


@pytest.mark.parametrize("transforms, kind", [(1, "LST-1"), (2, "LST-2"), (3, "ResLST-3")])
def test_each_layout_is_recognised_and_computes_what_was_published(saved, transforms, kind):
    state, images = published_state(transforms), random_images(1, 20)
    network = load_published(saved(state))
    assert network.kind == kind and not network.training
    with torch.no_grad():
        np.testing.assert_allclose(
            network(images).numpy(), published_logits(state, images).numpy(), atol=1e-3
        )


def test_the_published_input_is_ours_times_256_over_255(saved):
    state = published_state(1)
    np.testing.assert_array_equal(
        load_published(saved(state)).lst[0].rows.weight.detach(), state["L2DST.dense1.weight"] * INPUT_SCALE
    )


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda state: state.pop("L2DST.dense2.bias"), "lacks L2DST.dense2.bias"),
        (lambda state: state.pop("W_o.weight"), "lacks W_o.weight"),
        (lambda state: state.update({"W_o.scale": torch.ones(1)}), "has an unknown W_o.scale"),
        (
            lambda state: state.update({"W_o.weight": torch.ones(10, 700)}),
            r"W_o.weight must have shape \(10, 784\), not \(10, 700\)",
        ),
        (
            lambda state: state.update({"W_o.bias": torch.full((10,), float("nan"))}),
            "W_o.bias must hold finite real numbers",
        ),
        (
            lambda state: state.update({"W_o.bias": torch.ones(10, dtype=torch.int64)}),
            "W_o.bias must hold finite real numbers",
        ),
        (lambda state: state.update({"epoch": 300}), "epoch is no tensor"),
        (lambda state: state.update({"conv1.weight": torch.ones(3)}), "the layout of no published network"),
        (lambda state: state.clear(), "holds nothing, not a dictionary of tensors"),
    ],
)
def test_another_content_is_refused_in_one_line(saved, change, message):
    state = published_state(1)
    change(state)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_published(saved(state))
    assert "\n" not in str(caught.value) and "published.pth" in str(caught.value)


class Code:
    """A pickle of this runs a command when it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize(
    "save",
    [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))],
    ids=["torch", "pickle"],
)
def test_code_in_a_file_is_not_run(tmp_path, save):
    save({"L2DST.dense1.weight": Code(tmp_path / "ran")}, tmp_path / "code.pth")
    with pytest.raises(CheckpointError, match="not a dictionary of tensors, or damaged"):
        load_published(tmp_path / "code.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match="other.pth: not a dictionary of tensors, or damaged"):
        load_published(tmp_path / "other.pth")


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_file_cut_off_anywhere_is_refused(saved, tenths):
    path = saved({"L2DST.dense1.weight": torch.zeros(28, 28), "W_o.weight": torch.zeros(10, 784)})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * tenths // 10])
    with pytest.raises(CheckpointError, match="not a dictionary of tensors, or damaged"):
        load_published(path)


def test_a_tensor_alone_is_refused(saved):
    with pytest.raises(CheckpointError, match="holds a Tensor, not a dictionary of tensors"):
        load_published(saved(torch.ones(3)))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.pth: no such file"):
        load_published(tmp_path / "nothing.pth")


@pytest.mark.parametrize("name, correct", [("LST_1_epoch_300.pth", 9802), ("LST_2_epoch_300.pth", 9836)])
def test_the_published_accuracy_is_reproduced(name, correct):
    test_images("mnist")
    if not (REAL / name).is_file():
        pytest.skip(f"{name} is not in LST_DATA_DIR/reference_checkpoints")
    found = evaluate(REAL / name)
    assert (found.correct, found.images, found.dataset) == (correct, 10_000, "mnist")


def test_evaluate_takes_a_published_file(saved):
    done = command("evaluate", saved(published_state(2)), "--dataset", "digits")
    assert done.returncode == 0 and "LST-2 as published), digits test set: " in done.stdout
    assert f"of {len(load_test('digits').labels)} correct" in done.stdout


def test_a_wrong_published_file_exits_with_1_and_one_line(tmp_path):
    (tmp_path / "other.pth").write_bytes(b"no")
    done = command("evaluate", tmp_path / "other.pth", "--dataset", "digits")
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
