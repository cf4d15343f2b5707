"""A network of the LST family as ONNX, in standard operators alone, with logits equal to the reference's.

Quantisers are written as QCDQ (QuantizeLinear, Clip, DequantizeLinear; constants: DequantizeLinear of an
integer tensor), which QONNX converts to its Quant. Quant itself belongs to no ONNX opset: onnxruntime
refuses a file that contains it.

- Every scale is 1, so the graph computes on codes. Steps such as 1/7 are no float32, and real values would
  not be exact; the steps are in the metadata.
- Accumulators are float64, which holds 31 bits exactly; float32 ends at 24 bits. The Cast to float64 also
  stands between DequantizeLinear and MatMul. Side by side, onnxruntime fuses them into an 8-bit product: its
  16-bit intermediate sums saturate on processors without VNNI, and with 32-bit weights it is no valid
  operator (1.31.1).
- Opset 13 has 8-bit and 32-bit codes: 8 bits and less are int8, more are int32, which costs a few KiB.
  16-bit codes would need opset 21, where onnxruntime has no Clip for them. Widths are in the names of
  constants (``layer0.weights_q_int6``), in the Clip nodes, in the metadata, and as ``finn_datatype`` in the
  quantisation annotations, which is where QONNX looks up a tensor's type.

What the file contains, tensor by tensor: docs/onnx.md.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import lst_overlay
from lst_overlay.network import Activation, Axis, Layer, LSTNetwork, Network, check_family, code_range

OPSET = 13  # onnxruntime 1.6 and later: per-tensor quantisers, Clip of int8, DequantizeLinear of int32
IR_VERSION = 7  # the one of opset 13
_SWAP = [0, 2, 1]
_FLOAT32_EXACT = 1 << 24  # float32 holds every integer of smaller magnitude


def to_onnx(network: Network) -> onnx.ModelProto:
    """The graph: images (N, rows, columns) uint8 -> logits (N, classes) int32, class (N,) int64.

    Raises NetworkError for a network of another family.
    """
    check_family(network, "lst")
    graph = _Graph()
    x = _pixel_codes(graph, network)
    outputs: List[str] = []
    ranges = network.hidden_ranges
    for number, layer in enumerate(network.layers):
        x = _layer(graph, f"layer{number}", layer, x)
        if layer.add is not None:
            x = _sum(graph, f"layer{number}", x, outputs[layer.add], ranges[number])
        outputs.append(x)
    logits = graph.node("Cast", [x], "logits", to=TensorProto.INT32)
    graph.node("ArgMax", [logits], "class", axis=1, keepdims=0, select_last_index=0)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name or "network",
            [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", *network.image_shape])],
            [
                helper.make_tensor_value_info("logits", TensorProto.INT32, ["N", network.classes]),
                helper.make_tensor_value_info("class", TensorProto.INT64, ["N"]),
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lst-overlay",
        producer_version=lst_overlay.__version__,
    )
    model.graph.quantization_annotation.extend(graph.annotations)
    helper.set_model_props(model, _metadata(network))
    # Tools want every tensor's type.
    return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)


def save_onnx(network: Network, path) -> onnx.ModelProto:
    """Write the ONNX file, whole or not at all. The same network gives the same bytes. Returns the model."""
    model, path = to_onnx(network), Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(model.SerializeToString(deterministic=True))
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return model


class _Graph:
    """Nodes and constants in the order they are added. Each method returns the name of the tensor it made."""

    def __init__(self):
        self.nodes: List[onnx.NodeProto] = []
        self.constants: List[onnx.TensorProto] = []
        self.annotations: List[onnx.TensorAnnotation] = []
        self.wide: Set[str] = set()  # sums in float64

    def node(self, operator: str, inputs: List[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, values) -> str:
        self.constants.append(
            numpy_helper.from_array(np.ascontiguousarray(values).reshape(np.shape(values)), name)
        )
        return name

    def annotate(self, tensor: str, width: int, signed: bool = True) -> str:
        """Say the tensor's true width the way QONNX does."""
        datatype = onnx.StringStringEntryProto(
            key="finn_datatype", value=f"{'INT' if signed else 'UINT'}{width}"
        )
        self.annotations.append(
            onnx.TensorAnnotation(tensor_name=tensor, quant_parameter_tensor_names=[datatype])
        )
        return tensor

    def codes(self, name: str, codes_q: np.ndarray, width: int) -> str:
        """A constant of signed codes and its DequantizeLinear: float32 holds codes of 16 bits exactly."""
        dtype = np.int8 if width <= 8 else np.int32
        stored = self.annotate(self.constant(f"{name}_q_int{width}", codes_q.astype(dtype)), width)
        # The zero point is written although 0 is its default: QONNX's conversion asks for three inputs.
        return self.node("DequantizeLinear", [stored, *self._scale_and_zero(name, dtype)], name)

    def quantizer(self, x: str, name: str, width: int, signed: bool = True) -> str:
        """QCDQ of at most 8 bits around codes that are integers already: it states their width, no more."""
        dtype = np.int8 if signed else np.uint8
        low, high = (
            self.constant(f"{name}.{end}", dtype(code))
            for end, code in zip(("min", "max"), code_range(width, signed))
        )
        scale_and_zero = self._scale_and_zero(name, dtype)
        quantized = self.node("QuantizeLinear", [x, *scale_and_zero], f"{name}.quantized")
        clipped = self.node("Clip", [quantized, low, high], f"{name}_q")
        return self.annotate(self.node("DequantizeLinear", [clipped, *scale_and_zero], name), width, signed)

    def _scale_and_zero(self, name: str, dtype) -> List[str]:
        return [self.constant(f"{name}.scale", np.float32(1)), self.constant(f"{name}.zero_point", dtype(0))]


def _pixel_codes(graph: _Graph, network: LSTNetwork) -> str:
    bits = network.pixel_bits
    x = graph.node("Cast", ["images"], "pixels.float", to=TensorProto.FLOAT)
    if bits < 8:
        x = graph.node(
            "Mul", [x, graph.constant("pixels.shift", np.float32(2.0 ** (bits - 8)))], "pixels.shifted"
        )
        x = graph.node("Floor", [x], "pixels.floor")
    x = graph.quantizer(x, "pixels", bits, signed=False)
    if network.rows_per_vector == 1:
        return x
    shape = np.array([0, *network.input_shape], dtype=np.int64)  # 0: as many images as there are
    return graph.node("Reshape", [x, graph.constant("vectors.shape", shape)], "vectors")


def _layer(graph: _Graph, name: str, layer: Layer, x: str) -> str:
    """Weights are at the right of the product, and channels in the last dimension, for all three axes."""
    if layer.axis is Axis.COLUMNS:
        x = graph.node("Transpose", [x], f"{name}.columns", perm=_SWAP)
    elif layer.axis is Axis.DENSE:
        x = graph.node("Flatten", [x], f"{name}.flat", axis=1)
    weights = graph.codes(f"{name}.weights", layer.weights_q.T, layer.weights_width)
    bias_q = graph.annotate(graph.constant(f"{name}.bias_q_int32", layer.bias_q.astype(np.int32)), 32)
    wide = [
        graph.node("Cast", [tensor], f"{name}.{what}_float64", to=TensorProto.DOUBLE)
        for what, tensor in (("input", x), ("weights", weights), ("bias", bias_q))
    ]
    product = graph.node("MatMul", wide[:2], f"{name}.product")
    x = graph.node("Add", [product, wide[2]], f"{name}.acc")
    if layer.activation is None:
        return x
    x = _activation(graph, name, layer.activation, x)
    if layer.axis is Axis.COLUMNS:
        x = graph.node("Transpose", [x], f"{name}.rows", perm=_SWAP)
    return x


def _sum(graph: _Graph, name: str, x: str, summand: str, sum_range: Tuple[int, int]) -> str:
    """Both outputs added: in float32, as codes are, if it holds every sum."""
    if max(map(abs, sum_range)) < _FLOAT32_EXACT and summand not in graph.wide:
        return graph.node("Add", [x, summand], f"{name}.sum")
    wide = [
        graph.node("Cast", [tensor], f"{name}.{what}_float64", to=TensorProto.DOUBLE)
        for what, tensor in (("own", x), ("earlier", summand))
    ]
    graph.wide.add(graph.node("Add", wide, f"{name}.sum"))
    return f"{name}.sum"


def _activation(graph: _Graph, name: str, activation: Activation, acc: str) -> str:
    """table[clip(acc >> shift)]; the tables of channels lie one after the other."""
    low, high = code_range(activation.index_width)
    x = graph.node(
        "Mul", [acc, graph.constant(f"{name}.shift", np.float64(2.0**-activation.shift))], f"{name}.shifted"
    )
    x = graph.node("Floor", [x], f"{name}.floor")
    x = graph.node(
        "Clip",
        [
            x,
            graph.constant(f"{name}.index_min", np.float64(low)),
            graph.constant(f"{name}.index_max", np.float64(high)),
        ],
        f"{name}.index_float64",
    )
    x = graph.annotate(graph.node("Cast", [x], f"{name}.index", to=TensorProto.INT64), activation.index_width)
    first = np.int64(-low)
    if activation.per_channel:
        first = first + np.arange(len(activation.table_q), dtype=np.int64) * activation.table_q.shape[1]
    x = graph.node("Add", [x, graph.constant(f"{name}.first_entry", first)], f"{name}.position")
    table = graph.codes(f"{name}.table", activation.table_q.ravel(), activation.width)
    entry = f"{name}.entry"
    x = graph.annotate(graph.node("Gather", [table, x], entry, axis=0), activation.width)
    # One signed bit is -1 and 0: QONNX's conversion refuses a Clip whose upper end is not positive.
    return graph.quantizer(x, f"{name}.output", activation.width) if 2 <= activation.width <= 8 else x


def _metadata(network: LSTNetwork) -> Dict[str, str]:
    """Strings, as ONNX wants them; an entry per layer, as JSON."""
    entries = {
        "name": network.name,
        "kind": network.kind,
        "content_sha256": network.content_hash,
        "pixel_bits": str(network.pixel_bits),
        "layers": str(len(network.layers)),
    }
    for number, (layer, codes) in enumerate(zip(network.layers, network.input_ranges)):
        acc_low, acc_high = layer.acc_bounds(*codes)
        a: Optional[Activation] = layer.activation
        entries[f"layer{number}"] = json.dumps(
            {
                "axis": layer.axis.value,
                "fan_in": layer.fan_in,
                "fan_out": layer.fan_out,
                "weights_width": layer.weights_width,
                "weights_step": layer.weights_step,
                "acc_width": max(acc_high, -acc_low - 1).bit_length() + 1,
                "add": layer.add,
                "activation": a
                and {
                    "function": a.function,
                    "shift": a.shift,
                    "index_width": a.index_width,
                    "index_step": a.index_step,
                    "width": a.width,
                    "step": a.step,
                    "per_channel": a.per_channel,
                },
            },
            sort_keys=True,
        )
    return entries
