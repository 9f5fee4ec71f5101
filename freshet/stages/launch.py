"""Several processes for one training: on this machine by torchrun, or one Spark task each by TorchDistributor."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from freshet.errors import FreshetError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from freshet.model.run_params import RunParams

RESTARTS: Final = 2  # of all processes, when one of them is lost: they go on from the last saved state
Place = Literal["cpu", "cuda"]


def launch(work: Callable[..., None], arguments: tuple[object, ...], run: "RunParams", device: str) -> None:
    """Calls work(*arguments, place) in `run.processes` processes that torch can join to one group; waits for all.

    work: a function of a module that the processes can import. place: "cuda" where there is a GPU for each of them.
    Raises FreshetError with what the first process said that failed, or where there is no Spark session.
    """
    if run.distribute == "spark":
        _by_spark(work, arguments, run.processes, device)
    else:
        _by_torchrun(work, arguments, run.processes, device)


def _by_torchrun(work: Callable[..., None], arguments: tuple[object, ...], processes: int, device: str) -> None:
    import torch
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    enough = torch.cuda.device_count() >= processes
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        max_restarts=RESTARTS,
    )
    try:
        elastic_launch(config, work)(*arguments, _place(device, enough))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        said = _last_line(failure.message)
        raise FreshetError(f"training in {processes} processes, process {rank}", said, _fix(processes)) from error


def _by_spark(work: Callable[..., None], arguments: tuple[object, ...], processes: int, device: str) -> None:
    from pyspark.errors import PySparkException
    from pyspark.ml.torch.distributor import TorchDistributor
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is None:
        raise FreshetError("distribute=spark", "there is no Spark session here", "set distribute to one or torchrun")
    local = str(session.sparkContext.master).startswith("local")
    place = _place(device, _gpus_given(session, local))
    distributor = TorchDistributor(num_processes=processes, local_mode=local, use_gpu=place == "cuda")
    try:
        distributor.run(work, *arguments, place)
    except (RuntimeError, PySparkException) as error:
        said = _last_line(str(error))
        raise FreshetError(f"training in {processes} Spark tasks", said, _fix(processes)) from error


def _last_line(message: object) -> str:
    """What the process said at last. torch hands over a text, or a dictionary with one."""
    text = str(message.get("message", message) if isinstance(message, dict) else message)
    lines = [line.strip() for line in text.splitlines() if line.strip(" =-")]
    errors = [line for line in lines if "Error: " in line]
    return (errors or lines or ["nothing was said"])[-1]


def _place(device: str, enough: bool) -> Place:
    if device == "cuda" and not enough:
        raise FreshetError(
            "FRESHET_DEVICE=cuda", "there is not a GPU for each process", "lower `processes`, or set it to auto"
        )
    return "cuda" if enough and device in ("auto", "cuda") else "cpu"


def _gpus_given(session: "SparkSession", local: bool) -> bool:
    """Whether Spark hands a GPU to every task; how many, it sees to itself."""
    name = "spark.driver.resource.gpu.amount" if local else "spark.task.resource.gpu.amount"
    return float(session.conf.get(name, "0") or 0) > 0


def _fix(processes: int) -> str:
    return f"see its lines in the log; train again, and all {processes} go on from the last saved state"
