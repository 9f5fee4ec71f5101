"""Several processes for one training: on this machine by torchrun, or one Spark task each by TorchDistributor."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from freshet.errors import FreshetError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from freshet.training.run_params import RunParams

MAX_RESTARTS: Final = 2  # of all processes, when one of them is lost: they go on from the last saved state
DeviceName = Literal["cpu", "cuda"]


def launch_workers(
    worker: Callable[..., None], worker_args: tuple[object, ...], run_params: "RunParams", device: str
) -> None:
    """Calls work(*arguments, place) in `run.processes` processes that torch can join to one group; waits for all.

    work: a function of a module that the processes can import. place: "cuda" where there is a GPU for each of them.
    Raises FreshetError with what the first process said that failed, or where there is no Spark session.
    """
    if run_params.distributed == "spark":
        _launch_spark(worker, worker_args, run_params.num_processes, device)
    else:
        _launch_torchrun(worker, worker_args, run_params.num_processes, device)


def _launch_torchrun(
    worker: Callable[..., None], worker_args: tuple[object, ...], num_processes: int, device: str
) -> None:
    import torch
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    has_enough_gpus = torch.cuda.device_count() >= num_processes
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=num_processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        max_restarts=MAX_RESTARTS,
    )
    try:
        elastic_launch(config, worker)(*worker_args, _worker_device(device, has_enough_gpus))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        message = _error_line(failure.message)
        raise FreshetError(
            f"training in {num_processes} processes, process {rank}", message, _resume_fix(num_processes)
        ) from error


def _launch_spark(
    worker: Callable[..., None], worker_args: tuple[object, ...], num_processes: int, device: str
) -> None:
    from pyspark.errors import PySparkException
    from pyspark.ml.torch.distributor import TorchDistributor
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is None:
        raise FreshetError("distribute=spark", "there is no Spark session here", "set distribute to one or torchrun")
    is_local = str(session.sparkContext.master).startswith("local")
    worker_device = _worker_device(device, _tasks_have_gpus(session, is_local))
    distributor = TorchDistributor(num_processes=num_processes, local_mode=is_local, use_gpu=worker_device == "cuda")
    try:
        distributor.run(worker, *worker_args, worker_device)
    except (RuntimeError, PySparkException) as error:
        message = _error_line(str(error))
        raise FreshetError(f"training in {num_processes} Spark tasks", message, _resume_fix(num_processes)) from error


def _error_line(message: object) -> str:
    """What the process said at last. torch hands over a text, or a dictionary with one."""
    text = str(message.get("message", message) if isinstance(message, dict) else message)
    lines = [line.strip() for line in text.splitlines() if line.strip(" =-")]
    errors = [line for line in lines if "Error: " in line]
    return (errors or lines or ["nothing was said"])[-1]


def _worker_device(device: str, has_enough_gpus: bool) -> DeviceName:
    if device == "cuda" and not has_enough_gpus:
        raise FreshetError(
            "FRESHET_TRAINING_DEVICE=cuda",
            "there is not a GPU for each process",
            "lower `processes`, or set it to auto",
        )
    return "cuda" if has_enough_gpus and device in ("auto", "cuda") else "cpu"


def _tasks_have_gpus(session: "SparkSession", is_local: bool) -> bool:
    """Whether Spark hands a GPU to every task; how many, it sees to itself."""
    setting = "spark.driver.resource.gpu.amount" if is_local else "spark.task.resource.gpu.amount"
    return float(session.conf.get(setting, "0") or 0) > 0


def _resume_fix(num_processes: int) -> str:
    return f"see its lines in the log; train again, and all {num_processes} go on from the last saved state"
