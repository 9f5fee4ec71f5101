"""What `freshet doctor` looks at: each check says what it found and, where something is wrong, the fix."""

from collections.abc import Callable

from freshet.checkup import dagster, machine, shop
from freshet.checkup.finding import CheckResult
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
    """Every check, in the order in which a new user would meet them."""
    return [check(settings) for check in CHECKS]
