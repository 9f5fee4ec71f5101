"""Where and how a training runs. It changes what the training costs, never what is taught."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["auto", "fp32", "bf16"]


class RunParams(BaseModel):
    """Not part of a model's configuration: two models that differ in nothing but this are the same configuration."""

    model_config = ConfigDict(frozen=True)

    distributed: Literal["one", "torchrun", "spark"] = Field(
        "one", description="one process; several on this machine; or one Spark task each (TorchDistributor)"
    )
    num_processes: int = Field(
        2, ge=1, le=4096, description="how many, where it is not one; each takes a GPU if there are"
    )
    checkpoint_interval_s: float = Field(
        30.0,
        ge=0,
        description="the state is saved so often, and after every epoch: so much a killed training loses",
    )
    precision: Precision = Field(
        "auto",
        description="of matrix products in training; auto: bf16 on a GPU, and for large batches on a CPU with "
        "instructions for it. Weights stay fp32; large products over the catalogue are bf16 where the hardware has it",
    )
