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

LIBRARIES: Final = ("torch", "onnx", "onnxscript")
NOT_IN_IT: Final = ("items", "blend")  # of the config: how many rows a table has, and what is mixed in after the graph


def key_of(name: str, config: ModelConfig) -> str:
    """The name of a graph: what is exported, the model's shape, the code that says what it computes, the exporter."""
    shape = {field: value for field, value in asdict(config).items() if field not in NOT_IN_IT}
    parts = [name, json.dumps(shape, sort_keys=True, default=str), *(f"{lib} {version(lib)}" for lib in LIBRARIES)]
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256("\n".join(parts).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return f"{name}.{digest.hexdigest()[:32]}.onnx"


def from_graph(module: nn.Module, kept: Path, trace: Callable[[Path], None]) -> Any:
    """The module as an optimised ONNX model, from the graph in `kept`, which is made by `trace` where it is missing.

    trace: exports the module, not optimised, into a file.
    """
    import onnx
    from onnxscript import optimizer

    weights = module.state_dict()
    if not kept.exists():
        with tempfile.TemporaryDirectory() as temporary:
            trace(Path(temporary) / "traced.onnx")
            traced = onnx.load(Path(temporary) / "traced.onnx")
        if not _is_named(traced, weights):
            return optimizer.optimize(traced)
        _keep(traced, kept)
    graph = onnx.load(kept)
    _fill(graph, weights)
    return optimizer.optimize(graph)


def _is_named(model: Any, weights: dict[str, Tensor]) -> bool:
    """Whether every number that was stored beside the graph is one of the weights, as it is."""
    from onnx import numpy_helper

    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return all(name in weights and (value == weights[name].cpu().numpy()).all() for name, value in stored.items())


def _keep(model: Any, path: Path) -> None:
    """Without its weights; whole or not at all, whoever else writes the same."""
    import onnx

    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for tensor in bare.graph.initializer:
        tensor.ClearField("raw_data")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    onnx.save(bare, part)
    part.replace(path)


def _fill(model: Any, weights: dict[str, Tensor]) -> None:
    from onnx import numpy_helper

    for tensor in model.graph.initializer:
        values = weights[tensor.name].detach().cpu().contiguous().numpy()
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
