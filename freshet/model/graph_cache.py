"""Graphs of ONNX files that were exported before: the same shape of a model gives the same graph with other weights.

torch takes seconds to trace a model, whatever its weights. So the graph is kept without them, as it comes from the
exporter: there every weight stands under its own name. New weights are put in by name, and only then is it optimised,
as the exporter would. A graph with a number in it that is no named weight is not kept; and every bundle climbs the
parity ladder, whichever way its files were made.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from torch import Tensor, nn

from freshet.model.params import ModelConfig

GRAPH_LIBRARIES: Final = ("torch", "onnx", "onnxscript")
IGNORED_FIELDS: Final = (
    "items",
    "blend",
)  # of the config: how many rows a table has, and what is mixed in after the graph


def graph_key(name: str, config: ModelConfig) -> str:
    """The name of a graph: what is exported, the model's shape, the code that says what it computes, the exporter."""
    architecture = {field: value for field, value in asdict(config).items() if field not in IGNORED_FIELDS}
    parts = [
        name,
        json.dumps(architecture, sort_keys=True, default=str),
        *(f"{lib} {version(lib)}" for lib in GRAPH_LIBRARIES),
    ]
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256("\n".join(parts).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return f"{name}.{digest.hexdigest()[:32]}.onnx"


def export_with_cache(module: nn.Module, cached_graph: Path, trace: Callable[[Path], None]) -> Any:
    """The module as an optimised ONNX model, from the graph in `kept`, which is made by `trace` where it is missing.

    trace: exports the module, not optimised, into a file.
    """
    import onnx
    from onnxscript import optimizer

    weights = module.state_dict()
    if not cached_graph.exists():
        with tempfile.TemporaryDirectory() as temporary:
            trace(Path(temporary) / "traced.onnx")
            traced = onnx.load(Path(temporary) / "traced.onnx")
        if not _has_only_named_weights(traced, weights):
            return optimizer.optimize(traced)
        _store_graph(traced, cached_graph)
    graph = onnx.load(cached_graph)
    _insert_weights(graph, weights)
    return optimizer.optimize(graph)


def _has_only_named_weights(model: Any, weights: dict[str, Tensor]) -> bool:
    """Whether every number that was stored beside the graph is one of the weights, as it is."""
    from onnx import numpy_helper

    initializers = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return all(name in weights and (value == weights[name].cpu().numpy()).all() for name, value in initializers.items())


def _store_graph(model: Any, path: Path) -> None:
    """Without its weights; whole or not at all, whoever else writes the same."""
    import onnx

    weightless = onnx.ModelProto()
    weightless.CopyFrom(model)
    for tensor in weightless.graph.initializer:
        tensor.ClearField("raw_data")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_suffix(f".{os.getpid()}")
    onnx.save(weightless, partial_path)
    partial_path.replace(path)


def _insert_weights(model: Any, weights: dict[str, Tensor]) -> None:
    from onnx import numpy_helper

    for tensor in model.graph.initializer:
        values = weights[tensor.name].detach().cpu().contiguous().numpy()
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
