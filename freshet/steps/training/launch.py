"""Launch the processes of a distributed training: by torchrun on this machine, or as Spark tasks."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from freshet.errors import FreshetError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from freshet.training.run_params import RunParams

MAX_RESTARTS: Final = 2  # of all processes when one of them is lost; they resume from the last checkpoint
DeviceName = Literal["cpu", "cuda"]


def launch_workers(
    worker: Callable[..., None], worker_args: tuple[object, ...], run_params: "RunParams", device: str
) -> None:
    """Call worker(*worker_args, device) in `num_processes` processes of one group, and wait for all of them.

    worker: a function of an importable module. Its device is "cuda" if there is a GPU for each process.
    Raises FreshetError with the error of the first process that failed, or if there is no Spark session.
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
        message = error_line(failure.message)
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
        raise FreshetError("distributed=spark", "there is no Spark session", "set distributed to none or torchrun")
    is_local = str(session.sparkContext.master).startswith("local")
    worker_device = _worker_device(device, _tasks_have_gpus(session, is_local))
    distributor = TorchDistributor(num_processes=num_processes, local_mode=is_local, use_gpu=worker_device == "cuda")
    try:
        distributor.run(worker, *worker_args, worker_device)
    except (RuntimeError, PySparkException) as error:
        message = error_line(str(error))
        raise FreshetError(f"training in {num_processes} Spark tasks", message, _resume_fix(num_processes)) from error


def error_line(message: object) -> str:
    """Return the line of the error. message: a text, or torch's dictionary with one."""
    text = str(message.get("message", message) if isinstance(message, dict) else message)
    lines = [line.strip() for line in text.splitlines() if line.strip(" =-")]
    errors = [line for line in lines if "Error: " in line]
    return (errors or lines or ["no error message"])[-1]


def _worker_device(device: str, has_enough_gpus: bool) -> DeviceName:
    if device == "cuda" and not has_enough_gpus:
        raise FreshetError(
            "FRESHET_TRAINING_DEVICE=cuda",
            "there are fewer GPUs than processes",
            "lower `num_processes`, or set it to auto",
        )
    return "cuda" if has_enough_gpus and device in ("auto", "cuda") else "cpu"


def _tasks_have_gpus(session: "SparkSession", is_local: bool) -> bool:
    """Whether Spark assigns a GPU to every task."""
    setting = "spark.driver.resource.gpu.amount" if is_local else "spark.task.resource.gpu.amount"
    return float(session.conf.get(setting, "0") or 0) > 0


def _resume_fix(num_processes: int) -> str:
    return f"see the log of the process; train again, and all {num_processes} resume from the last checkpoint"
