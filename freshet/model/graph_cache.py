"""A cache of traced ONNX graphs: models of the same architecture share a graph and differ in the weights.

torch takes seconds to trace a model. So the graph is stored without weights, as it comes from the exporter, where every
weight has its own name. New weights are inserted by name, and then the graph is optimised as the exporter would do. A
graph that holds constants other than named weights is not cached. Every bundle passes the parity checks, whether its
graphs come from the cache or not.
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
IGNORED_FIELDS: Final = ("n_items", "blend")  # of ModelConfig: they do not change the graph


def graph_key(name: str, config: ModelConfig) -> str:
    """Return the file name of a graph, with a hash of the architecture, the model's source code and the exporter."""
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
    """Return the module as an optimised ONNX model, from the cached graph if it exists.

    trace: exports the module, not optimised, to the given path.
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
    """Whether every initializer of the graph is one of the weights, unchanged."""
    from onnx import numpy_helper

    initializers = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return all(name in weights and (value == weights[name].cpu().numpy()).all() for name, value in initializers.items())


def _store_graph(model: Any, path: Path) -> None:
    """Write the graph without its weights, atomically, as other processes may write the same file."""
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
