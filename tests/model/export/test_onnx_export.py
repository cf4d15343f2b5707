"""The exported graph in onnxruntime against the integer reference: integers, equal for every image."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from datasets import load_digits
from lst_overlay.network import (
    Activation,
    Axis,
    Layer,
    LSTNetwork,
    classify,
    code_range,
    content_hash,
    load_network,
    logits,
)
from model.export.onnx_export import IR_VERSION, OPSET, save_onnx, to_onnx
from tests.driver.network.lst.networks import SHIPPED, chain, corner_networks, lst1
from tests.images import corner_images, test_images
from tests.model.test_commands import command

W6A4 = next(path for path in SHIPPED if path.stem == "lst1_w6a4p4")
DIGITS = next(path for path in SHIPPED if path.stem == "lst1_digits")


def session(model, optimized=True):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def assert_equal(network, images, optimized=True):
    model = to_onnx(network)
    onnx.checker.check_model(model, full_check=True)
    found, classes = session(model, optimized).run(["logits", "class"], {"images": images})
    expected = logits(network, images)
    different = np.flatnonzero((found != expected).any(axis=1))
    first = different[:5]
    assert not len(different), (
        f"{len(different)} of {len(images)} images differ, first {first}: "
        f"{found[first]} not {expected[first]}"
    )
    np.testing.assert_array_equal(classes, classify(expected))
    assert found.dtype == np.int32 and classes.dtype == np.int64


def random_network(seed, matrix_layers, dense_layers, pixel_bits):
    """Layers along rows and columns, then dense ones, of all widths; a sum wherever a shape recurs.

    Of vectors with an even number of pixels, about half are two rows of the image.
    """
    rng = np.random.default_rng(seed)
    shape = tuple(int(size) for size in rng.integers(1, 5, 2))
    rows_per_vector = 2 if shape[1] % 2 == 0 and seed % 2 == 0 else 1
    image_shape = (shape[0] * rows_per_vector, shape[1] // rows_per_vector)
    count = matrix_layers + dense_layers + 1
    # Sums of up to three outputs and a fan-in of 16 add 6 bits: at most 30 with the bias.
    weights_widths = rng.integers(2, 17, count)
    layers, shapes = [], []
    for number in range(count):
        last = number == count - 1
        axis = Axis.DENSE if number >= matrix_layers else (Axis.ROWS, Axis.COLUMNS)[rng.integers(2)]
        fan_in, fan_out = (
            {Axis.ROWS: shape[-1], Axis.COLUMNS: shape[0], Axis.DENSE: int(np.prod(shape))}[axis],
            int(rng.integers(1, 5)),
        )
        shape = {Axis.ROWS: (shape[0], fan_out), Axis.COLUMNS: (fan_out, shape[-1]), Axis.DENSE: (fan_out,)}[
            axis
        ]
        activation, add = None, None
        if not last:
            width = int(rng.integers(1, min(16, 24 - weights_widths[number + 1]) + 1))
            per_channel, index_width = bool(rng.integers(2)), int(rng.integers(1, 9))
            low, high = code_range(width)
            table_q = rng.integers(low, high + 1, ((fan_out,) if per_channel else ()) + (1 << index_width,))
            activation = Activation(
                int(rng.integers(0, 13)), index_width, 0.25, table_q, width, 0.125, "random"
            )
            same = [earlier for earlier, other in enumerate(shapes) if other == shape]
            # A sum is of two plain outputs, the other one no wider, so that the widths above suffice.
            same = [e for e in same if layers[e].add is None and layers[e].activation.width <= width]
            add = int(rng.choice(same)) if same else None
        high = code_range(int(weights_widths[number]))[1]
        layers.append(
            Layer(
                axis,
                rng.integers(-high, high + 1, (fan_out, fan_in)),
                rng.integers(-2000, 2001, fan_out),
                int(weights_widths[number]),
                0.5,
                activation,
                add,
            )
        )
        shapes.append(shape)
    return LSTNetwork(
        "random", "test", pixel_bits, image_shape, tuple(layers), {"seed": seed}, rows_per_vector
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_networks_are_equal_on_digits(path):
    assert_equal(load_network(path), load_digits("test").images)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_networks_are_equal_without_onnxruntimes_optimisations(path):
    assert_equal(load_network(path), corner_images(), optimized=False)


@pytest.mark.slow
def test_a_shipped_network_is_equal_on_the_whole_test_set():
    images = test_images("mnist").images
    assert len(images) == 10000
    assert_equal(load_network(next(path for path in SHIPPED if path.stem == "lst1_q6.7")), images)


@given(
    seed=st.integers(0, 2**32 - 1),
    matrix_layers=st.integers(0, 3),
    dense_layers=st.integers(0, 2),
    pixel_bits=st.integers(1, 8),
)
@settings(max_examples=60, deadline=None)
def test_any_small_network_is_equal(seed, matrix_layers, dense_layers, pixel_bits):
    network = random_network(seed, matrix_layers, dense_layers, pixel_bits)
    assert_equal(
        network, np.random.default_rng(seed).integers(0, 256, (5, *network.image_shape), dtype=np.uint8)
    )


def test_random_networks_have_what_they_are_for():
    networks = [random_network(seed, 3, 2, 8) for seed in range(40)]
    layers = [layer for network in networks for layer in network.layers]
    assert {network.rows_per_vector for network in networks} == {1, 2}
    assert any(
        layer.add is not None and layer.axis is axis for layer in layers for axis in (Axis.ROWS, Axis.COLUMNS)
    )
    assert any(layer.add is not None and layer.axis is Axis.DENSE for layer in layers)
    tables = {(layer.axis, layer.activation.per_channel) for layer in layers if layer.activation}
    assert tables == {(axis, per_channel) for axis in Axis for per_channel in (True, False)}
    assert {layer.weights_width for layer in layers} == set(range(2, 17))
    assert {layer.activation.width for layer in layers if layer.activation} >= set(range(1, 17))


def test_corner_networks_are_equal():
    """Sums beyond float32, saturated indices, ties of all logits."""
    for network in corner_networks():
        assert_equal(network, corner_images())


def test_eight_bit_codes_everywhere_are_equal():
    """The widths of onnxruntime's own 8-bit products."""
    ramp = np.repeat(np.arange(-128, 128), 4)
    for weight in (-127, 127):
        assert_equal(lst1(weight, 0, ramp, weights_width=8, width=8, shift=12), corner_images())


@pytest.mark.parametrize("layers", [512, 514])
def test_sums_beyond_float32_are_equal(layers):
    """513 codes of 16 bits exceed 2**24, where float32 begins to round odd sums."""
    assert_equal(chain(layers, 32767), np.zeros((1, 1, 1), np.uint8), optimized=False)


def test_onnxs_own_evaluator_gives_the_same():
    network = random_network(11, 2, 1, 4)
    images = np.random.default_rng(0).integers(0, 256, (20, *network.image_shape), dtype=np.uint8)
    model = to_onnx(network)
    model.opset_import[0].version = 21  # the evaluator has no older quantisers than of opset 19
    found, classes = ReferenceEvaluator(model).run(None, {"images": images})
    np.testing.assert_array_equal(found, logits(network, images))
    np.testing.assert_array_equal(classes, classify(found))


def test_only_standard_operators_of_an_old_opset():
    model = to_onnx(load_network(W6A4))
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)] == [("", 13)]
    assert model.ir_version == IR_VERSION == 7
    assert {node.domain for node in model.graph.node} == {""}


def constants(model):
    return {tensor.name: tensor for tensor in model.graph.initializer}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_files_integers_are_in_the_graph(path):
    network = load_network(path)
    found = constants(to_onnx(network))
    for number, layer in enumerate(network.layers):
        weights = found[f"layer{number}.weights_q_int{layer.weights_width}"]
        assert weights.data_type == (TensorProto.INT8 if layer.weights_width <= 8 else TensorProto.INT32)
        np.testing.assert_array_equal(numpy_helper.to_array(weights), layer.weights_q.T)
        np.testing.assert_array_equal(
            numpy_helper.to_array(found[f"layer{number}.bias_q_int32"]), layer.bias_q
        )
        if layer.activation is not None:
            table = found[f"layer{number}.table_q_int{layer.activation.width}"]
            np.testing.assert_array_equal(numpy_helper.to_array(table), layer.activation.table_q.ravel())


def test_quantisers_of_at_most_eight_bits_are_qcdq():
    """QuantizeLinear, Clip to the width, DequantizeLinear, with one scale and zero point given to both."""
    model = to_onnx(load_network(W6A4))
    made_by = {node.output[0]: node for node in model.graph.node}
    values = {name: numpy_helper.to_array(tensor) for name, tensor in constants(model).items()}
    for name, low, high in (("pixels", 0, 15), ("layer0.output", -8, 7), ("layer1.output", -8, 7)):
        dequantize = made_by[name]
        clip = made_by[dequantize.input[0]]
        quantize = made_by[clip.input[0]]
        assert [node.op_type for node in (quantize, clip, dequantize)] == [
            "QuantizeLinear",
            "Clip",
            "DequantizeLinear",
        ]
        assert (values[clip.input[1]], values[clip.input[2]]) == (low, high)
        assert quantize.input[1:] == dequantize.input[1:] and [
            values[scale] for scale in quantize.input[1:]
        ] == [1, 0]


def test_metadata_and_annotations_tell_widths_and_steps():
    network = load_network(W6A4)
    model = to_onnx(network)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert (metadata["name"], metadata["content_sha256"], metadata["pixel_bits"]) == (
        "lst1_w6a4p4",
        content_hash(network),
        "4",
    )
    layer = json.loads(metadata["layer0"])
    assert (layer["axis"], layer["weights_width"], layer["weights_step"]) == (
        "rows",
        6,
        network.layers[0].weights_step,
    )
    assert (layer["activation"]["width"], layer["activation"]["step"]) == (
        4,
        network.layers[0].activation.step,
    )
    assert json.loads(metadata["layer2"])["activation"] is None and "layer3" not in metadata
    types = {
        entry.tensor_name: entry.quant_parameter_tensor_names[0].value
        for entry in model.graph.quantization_annotation
    }
    assert (
        types["pixels"] == "UINT4"
        and types["layer0.weights_q_int6"] == "INT6"
        and types["layer0.output"] == "INT4"
    )


def test_the_same_network_gives_the_same_bytes(tmp_path):
    network = random_network(3, 3, 2, 5)
    for name in ("a.onnx", "b.onnx"):
        save_onnx(network, tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_export_says_what_it_wrote(tmp_path):
    out = tmp_path / "n.onnx"
    done = command("export", W6A4, "--out", out)
    assert done.returncode == 0, done.stderr
    assert (
        f"written: {out}\n" in done.stdout
        and content_hash(load_network(W6A4)) in done.stdout
        and not done.stderr
    )
    assert [path.name for path in tmp_path.iterdir()] == ["n.onnx"]
    onnx.checker.check_model(onnx.load(out), full_check=True)


def assert_one_line(done, *parts):
    assert done.returncode == 1 and not done.stdout
    assert (
        done.stderr.startswith("error: ")
        and done.stderr.count("\n") == 1
        and all(part in done.stderr for part in parts)
    )


def test_a_missing_network_is_a_usage_error(tmp_path):
    done = command("export", tmp_path / "missing.npz", "--out", tmp_path / "n.onnx")
    assert done.returncode == 2 and "does not exist" in done.stderr and not list(tmp_path.iterdir())


def test_what_is_no_network_file_is_one_line(tmp_path):
    (tmp_path / "foreign.npz").write_bytes(b"PK no archive")
    assert_one_line(
        command("export", tmp_path / "foreign.npz", "--out", tmp_path / "n.onnx"),
        "foreign.npz",
        "not a network file",
    )
    assert not (tmp_path / "n.onnx").exists()


@pytest.mark.parametrize("out", ["file/n.onnx", "directory"])
def test_an_unwritable_output_is_a_usage_error_and_leaves_nothing(tmp_path, out):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    assert command("export", W6A4, "--out", tmp_path / out).returncode == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["directory", "file"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "n.onnx").write_bytes(b"old")
    monkeypatch.setattr("model.export.onnx_export.os.replace", full)
    assert_one_line(command("export", W6A4, "--out", tmp_path / "n.onnx"), "No space left")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("n.onnx", b"old")]


def test_export_without_out_is_wrong_usage():
    assert command("export", W6A4).returncode == 2
