"""What a training took: for the asset's page, the model's reference and the bundle's manifest."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from freshet.settings import Settings

if TYPE_CHECKING:
    from freshet.model.training import Trained


def cost_of(trained: "Trained", settings: Settings) -> Mapping[str, JsonValue]:
    """Seconds, device, peak memory and speed; euro where `FRESHET_EURO_PER_HOUR` says what the machine costs."""
    cost: dict[str, JsonValue] = {
        "seconds": round(trained.seconds, 2),
        "device": trained.device,
        "peak_mib": round(trained.peak_memory / 2**20),
        "interactions_per_second": round(trained.interactions_per_second),
    }
    if settings.euro_per_hour is not None:
        cost["euro"] = round(trained.seconds / 3600 * settings.euro_per_hour, 6)
    return cost
