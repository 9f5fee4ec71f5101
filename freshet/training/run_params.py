"""Run parameters of a training: processes, precision, checkpoints. They affect its cost, not the configuration."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["auto", "fp32", "bf16"]


class RunParams(BaseModel):
    """How a training is run. Models that differ only in these have the same configuration."""

    model_config = ConfigDict(frozen=True)

    distributed: Literal["none", "torchrun", "spark"] = Field(
        "none",
        description="none: one process; torchrun: several processes on this machine; spark: one Spark task each "
        "(TorchDistributor)",
    )
    num_processes: int = Field(
        2, ge=1, le=4096, description="number of worker processes; each uses a GPU when available"
    )
    checkpoint_interval_s: float = Field(
        30.0,
        ge=0,
        description="seconds between checkpoints, beside the one after every epoch: the work that a kill can lose",
    )
    precision: Precision = Field(
        "auto",
        description="of matrix products in training; auto: bf16 on a GPU, and for large batches on a CPU that supports "
        "it. Weights stay fp32; large products over the catalogue are bf16 wherever the hardware supports it",
    )
