"""What `freshet doctor` looks at: each check says what it found and, where something is wrong, the fix."""

from collections.abc import Callable

from freshet.checkup import dagster, machine, shop
from freshet.checkup.finding import Finding
from freshet.settings import Settings

CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    machine.python,
    machine.java,
    machine.jars,
    machine.class_archive,
    machine.torch_device,
    machine.onnx_providers,
    dagster.dagster_home,
    shop.lake,
    shop.mapping,
    shop.first_day,
    shop.releases,
    shop.gateway_state,
    dagster.telemetry_switches,
)


def findings(settings: Settings) -> list[Finding]:
    """Every check, in the order in which a new user would meet them."""
    return [check(settings) for check in CHECKS]
