"""The cost of a training, for the asset's page, the model's reference and the model card."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from freshet.settings import Settings

if TYPE_CHECKING:
    from freshet.training.trainer import TrainingResult


def training_cost(result: "TrainingResult", settings: Settings) -> Mapping[str, JsonValue]:
    """Return seconds, device, peak memory and speed; and euro, if the setting `FRESHET_COST_PER_HOUR_EUR` is set."""
    cost: dict[str, JsonValue] = {
        "seconds": round(result.seconds, 2),
        "device": result.device,
        "peak_mib": round(result.peak_memory / 2**20),
        "interactions_per_second": round(result.events_per_second),
    }
    if settings.cost_per_hour_eur is not None:
        cost["euro"] = round(result.seconds / 3600 * settings.cost_per_hour_eur, 6)
    return cost
