"""The checks of `freshet doctor`, in the order in which a new user meets them.

Start with `CHECKS` below; each check returns a `CheckResult`.
"""

from collections.abc import Callable

from freshet.doctor import dagster, machine, shop
from freshet.doctor.result import CheckResult
from freshet.settings import Settings

CHECKS: tuple[Callable[[Settings], CheckResult], ...] = (
    machine.check_python,
    machine.check_java,
    machine.check_jars,
    machine.check_class_archive,
    machine.check_torch_device,
    machine.check_onnx_providers,
    dagster.check_dagster_home,
    shop.check_lake_folder,
    shop.check_mapping,
    shop.check_first_day,
    shop.check_releases,
    shop.check_gateway_state,
    dagster.check_telemetry,
)


def run_checks(settings: Settings) -> list[CheckResult]:
    """Run every check, in the order in which a new user meets them."""
    return [check(settings) for check in CHECKS]
