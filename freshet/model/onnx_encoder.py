"""External ONNX encoders: a shopper encoder and item embeddings that were trained elsewhere, given by path.

They are not trained; gates, parity, evaluation and release are the same as for other models.
Shapes: B histories, T events in a padded history, E embedding length, V items. PAD = 0.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from freshet.errors import FreshetError

if TYPE_CHECKING:
    import onnx

ONNX_PREFIX: Final = "onnx:"  # of model_class; the path of the folder follows
ENCODER_FILE: Final = "shopper_encoder.onnx"
EMBEDDINGS_FILE: Final = "item_embeddings.npy"
FORMER_EMBEDDINGS_FILE: Final = "item_vectors.npy"
INPUT_NAMES: Final = ("items", "types", "gaps")
OUTPUT_NAMES: Final = ("vectors", "repeats")
FIX: Final = "see docs/training.md (An encoder of your own) for the files and their shapes"


class OnnxShopperEncoder(nn.Module):
    """The bytes of the ONNX file and the item embeddings (V + 1, E) as buffers, so that a checkpoint holds both."""

    encoder: Tensor
    vectors: Tensor

    def __init__(self, encoder: Tensor, vectors: Tensor) -> None:
        super().__init__()
        self.register_buffer("encoder", encoder)
        self.register_buffer("vectors", vectors)
        self._session: Any = None

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> tuple[Tensor, ...]:
        """(B, T) each, on the CPU -> (B, E) shopper embeddings and (B, T) repeats."""
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
    """Whether a `model_class` is an external ONNX encoder."""
    return name.startswith(ONNX_PREFIX)


def load_onnx_encoder(name: str, n_items: int) -> OnnxShopperEncoder:
    """Return the encoder in the folder that `name` gives; items without an embedding get zeros.

    Raises FreshetError naming the file that is missing or has a wrong format.
    """
    folder = Path(name.removeprefix(ONNX_PREFIX)).expanduser()
    embeddings_file = EMBEDDINGS_FILE
    if not (folder / EMBEDDINGS_FILE).is_file() and (folder / FORMER_EMBEDDINGS_FILE).is_file():
        embeddings_file = FORMER_EMBEDDINGS_FILE
    for file in (ENCODER_FILE, embeddings_file):
        if not (folder / file).is_file():
            _refuse(name, f"the folder has no {file}")
    vectors = np.load(folder / embeddings_file, allow_pickle=False)
    if vectors.ndim != 2 or vectors.dtype != np.float32 or not 1 <= len(vectors) <= n_items + 1:
        expected = f"float32 (n, E) with at most {n_items + 1} rows, row i for index i of the vocabulary"
        _refuse(name, f"{embeddings_file} is {vectors.dtype} {vectors.shape} instead of {expected}")
    embeddings = np.zeros((n_items + 1, vectors.shape[1]), dtype=np.float32)
    embeddings[1 : len(vectors)] = vectors[1:]
    encoder = np.frombuffer(bytearray(_read_checked_onnx(name, folder / ENCODER_FILE)), dtype=np.uint8)
    return OnnxShopperEncoder(torch.from_numpy(encoder), torch.from_numpy(embeddings))


def _read_checked_onnx(name: str, path: Path) -> bytes:
    """Return the file after checking its inputs and outputs, with repeats of zeros added if it has none."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path)
    except DecodeError:
        _refuse(name, f"{ENCODER_FILE} is not an ONNX file")
    input_names = tuple(value.name for value in model.graph.input)
    output_names = tuple(value.name for value in model.graph.output)
    if (
        set(input_names) != set(INPUT_NAMES)
        or output_names[:1] != OUTPUT_NAMES[:1]
        or not set(output_names) <= set(OUTPUT_NAMES)
    ):
        what = f"{ENCODER_FILE} has inputs {', '.join(input_names)} and outputs {', '.join(output_names)}"
        _refuse(name, f"{what} instead of inputs {', '.join(INPUT_NAMES)} and outputs vectors (and repeats)")
    if len(output_names) == 1:
        _add_zero_repeats(model)
    return bytes(model.SerializeToString())


def _add_zero_repeats(model: "onnx.ModelProto") -> None:
    """Add the output `repeats`: zeros in the shape of `items`."""
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
    raise FreshetError(f"model_class={name}", what, FIX)
