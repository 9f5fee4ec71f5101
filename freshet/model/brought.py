"""A shopper encoder that was trained elsewhere: an ONNX file and the items' vectors, brought by path.

Nothing is trained; gates, parity, judge and release are those of any other model.
Shapes: B histories, T events in a padded history, E numbers in a vector, V items. PAD = 0.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from freshet.errors import FreshetError

if TYPE_CHECKING:
    import onnx

PREFIX: Final = "onnx:"  # of a model's name; the folder follows
ENCODER: Final = "shopper_encoder.onnx"
VECTORS: Final = "item_vectors.npy"
INPUTS: Final = ("items", "types", "gaps")
OUTPUTS: Final = ("vectors", "repeats")
GUIDE: Final = "give it what docs/training.md asks for (An encoder of your own)"


class Brought(nn.Module):
    """The file's bytes and the vectors (V + 1, E) as buffers, so that a checkpoint holds both."""

    encoder: Tensor
    vectors: Tensor

    def __init__(self, encoder: Tensor, vectors: Tensor) -> None:
        super().__init__()
        self.register_buffer("encoder", encoder)
        self.register_buffer("vectors", vectors)
        self._session: Any = None

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> tuple[Tensor, ...]:
        """(B, T) each, on the CPU -> (B, E) vectors, and (B, T) repeats."""
        if len(items) == 0:  # onnxruntime aborts the process on an empty batch of a recurrent network
            return torch.zeros((0, self.vectors.shape[1])), torch.zeros(items.shape)
        if self._session is None:
            from onnxruntime import InferenceSession, SessionOptions

            options = SessionOptions()
            options.intra_op_num_threads = 1
            self._session = InferenceSession(self.content(), options, providers=["CPUExecutionProvider"])
        given = dict(zip(INPUTS, (items.cpu().numpy(), types.cpu().numpy(), gaps.cpu().numpy()), strict=True))
        return tuple(torch.from_numpy(found) for found in self._session.run(list(OUTPUTS), given))

    def item_vectors(self) -> Tensor:
        """(V + 1, E)."""
        return self.vectors

    def content(self) -> bytes:
        """The ONNX file."""
        return bytes(self.encoder.numpy().tobytes())


def is_brought(name: str) -> bool:
    """Whether a model of that name is an encoder brought by path."""
    return name.startswith(PREFIX)


def read(name: str, items: int) -> Brought:
    """What lies in the folder that `name` says, for a vocabulary of V items; those without a vector get zeros.

    Raises FreshetError naming the file that is missing or is not what it should be.
    """
    folder = Path(name.removeprefix(PREFIX)).expanduser()
    for file in (ENCODER, VECTORS):
        if not (folder / file).is_file():
            _refuse(name, f"there is no {file} in it")
    vectors = np.load(folder / VECTORS, allow_pickle=False)
    if vectors.ndim != 2 or vectors.dtype != np.float32 or not 1 <= len(vectors) <= items + 1:
        wanted = f"float32 (n, E) with at most {items + 1} rows, row i for index i of the vocabulary"
        _refuse(name, f"{VECTORS} is {vectors.dtype} {vectors.shape}, needed is {wanted}")
    padded = np.zeros((items + 1, vectors.shape[1]), dtype=np.float32)
    padded[1 : len(vectors)] = vectors[1:]
    encoder = np.frombuffer(bytearray(_checked(name, folder / ENCODER)), dtype=np.uint8)
    return Brought(torch.from_numpy(encoder), torch.from_numpy(padded))


def _checked(name: str, path: Path) -> bytes:
    """The file, which takes INPUTS and gives OUTPUTS; repeats of zeros are added where it gives none."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path)
    except DecodeError:
        _refuse(name, f"{ENCODER} is no ONNX file")
    takes = tuple(value.name for value in model.graph.input)
    gives = tuple(value.name for value in model.graph.output)
    if set(takes) != set(INPUTS) or gives[:1] != OUTPUTS[:1] or not set(gives) <= set(OUTPUTS):
        what = f"{ENCODER} takes {', '.join(takes)} and gives {', '.join(gives)}"
        _refuse(name, f"{what}; needed are {', '.join(INPUTS)} and vectors, with or without repeats")
    if len(gives) == 1:
        _add_zeros(model)
    return bytes(model.SerializeToString())


def _add_zeros(model: "onnx.ModelProto") -> None:
    """A second output: zeros in the shape of `items`."""
    from onnx import TensorProto, helper

    shape = next(value for value in model.graph.input if value.name == "items").type.tensor_type.shape
    sizes = [side.dim_param or side.dim_value for side in shape.dim]
    nothing = helper.make_tensor("freshet_zero", TensorProto.FLOAT, [], [0.0])
    model.graph.node.extend(
        [
            helper.make_node("Constant", [], ["freshet_nothing"], value=nothing),
            helper.make_node("Cast", ["items"], ["freshet_items"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["freshet_items", "freshet_nothing"], ["repeats"]),
        ]
    )
    model.graph.output.append(helper.make_tensor_value_info("repeats", TensorProto.FLOAT, sizes))


def _refuse(name: str, what: str) -> NoReturn:
    raise FreshetError(f"model={name}", what, GUIDE)
