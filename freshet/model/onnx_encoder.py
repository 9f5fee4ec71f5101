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

ONNX_PREFIX: Final = "onnx:"  # of a model's name; the folder follows
ENCODER_FILE: Final = "shopper_encoder.onnx"
EMBEDDINGS_FILE: Final = "item_vectors.npy"
INPUT_NAMES: Final = ("items", "types", "gaps")
OUTPUT_NAMES: Final = ("vectors", "repeats")
FIX: Final = "give it what docs/training.md asks for (An encoder of your own)"


class OnnxShopperEncoder(nn.Module):
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
            self._session = InferenceSession(self.onnx_bytes(), options, providers=["CPUExecutionProvider"])
        feeds = dict(zip(INPUT_NAMES, (items.cpu().numpy(), types.cpu().numpy(), gaps.cpu().numpy()), strict=True))
        return tuple(torch.from_numpy(output) for output in self._session.run(list(OUTPUT_NAMES), feeds))

    def item_embeddings(self) -> Tensor:
        """(V + 1, E)."""
        return self.vectors

    def onnx_bytes(self) -> bytes:
        """The ONNX file."""
        return bytes(self.encoder.numpy().tobytes())


def is_onnx_model(name: str) -> bool:
    """Whether a model of that name is an encoder brought by path."""
    return name.startswith(ONNX_PREFIX)


def load_onnx_encoder(name: str, n_items: int) -> OnnxShopperEncoder:
    """What lies in the folder that `name` says, for a vocabulary of V items; those without a vector get zeros.

    Raises FreshetError naming the file that is missing or is not what it should be.
    """
    folder = Path(name.removeprefix(ONNX_PREFIX)).expanduser()
    for file in (ENCODER_FILE, EMBEDDINGS_FILE):
        if not (folder / file).is_file():
            _refuse(name, f"there is no {file} in it")
    vectors = np.load(folder / EMBEDDINGS_FILE, allow_pickle=False)
    if vectors.ndim != 2 or vectors.dtype != np.float32 or not 1 <= len(vectors) <= n_items + 1:
        expected = f"float32 (n, E) with at most {n_items + 1} rows, row i for index i of the vocabulary"
        _refuse(name, f"{EMBEDDINGS_FILE} is {vectors.dtype} {vectors.shape}, needed is {expected}")
    embeddings = np.zeros((n_items + 1, vectors.shape[1]), dtype=np.float32)
    embeddings[1 : len(vectors)] = vectors[1:]
    encoder = np.frombuffer(bytearray(_read_checked_onnx(name, folder / ENCODER_FILE)), dtype=np.uint8)
    return OnnxShopperEncoder(torch.from_numpy(encoder), torch.from_numpy(embeddings))


def _read_checked_onnx(name: str, path: Path) -> bytes:
    """The file, which takes INPUTS and gives OUTPUTS; repeats of zeros are added where it gives none."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path)
    except DecodeError:
        _refuse(name, f"{ENCODER_FILE} is no ONNX file")
    input_names = tuple(value.name for value in model.graph.input)
    output_names = tuple(value.name for value in model.graph.output)
    if (
        set(input_names) != set(INPUT_NAMES)
        or output_names[:1] != OUTPUT_NAMES[:1]
        or not set(output_names) <= set(OUTPUT_NAMES)
    ):
        what = f"{ENCODER_FILE} takes {', '.join(input_names)} and gives {', '.join(output_names)}"
        _refuse(name, f"{what}; needed are {', '.join(INPUT_NAMES)} and vectors, with or without repeats")
    if len(output_names) == 1:
        _add_zero_repeats(model)
    return bytes(model.SerializeToString())


def _add_zero_repeats(model: "onnx.ModelProto") -> None:
    """A second output: zeros in the shape of `items`."""
    from onnx import TensorProto, helper

    shape = next(value for value in model.graph.input if value.name == "items").type.tensor_type.shape
    sizes = [axis.dim_param or axis.dim_value for axis in shape.dim]
    zero = helper.make_tensor("freshet_zero", TensorProto.FLOAT, [], [0.0])
    model.graph.node.extend(
        [
            helper.make_node("Constant", [], ["freshet_nothing"], value=zero),
            helper.make_node("Cast", ["items"], ["freshet_items"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["freshet_items", "freshet_nothing"], ["repeats"]),
        ]
    )
    model.graph.output.append(helper.make_tensor_value_info("repeats", TensorProto.FLOAT, sizes))


def _refuse(name: str, what: str) -> NoReturn:
    raise FreshetError(f"model={name}", what, FIX)
