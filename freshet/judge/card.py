"""The model card: what a bundle was made from, what it is worth, what it cost and what it cannot do, on one page.

The page that is sealed into the bundle holds only what is the same whenever the bundle is made again from the same
model: a bundle's name is a hash of its bytes. What an evaluation finds is written beside the evaluation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from freshet.cases import next_basket_cases
from freshet.columns import EVENT_TYPES
from freshet.judge.comparison import Evaluation
from freshet.judge.parity import Rung
from freshet.judge.verdict import Verdict
from freshet.live.manifest import Precision
from freshet.references import ModelRef
from freshet.training_set import TrainingSet

EPOCH: Final = date(1970, 1, 1)
UNKNOWN: Final = "not recorded"


@dataclass(frozen=True)
class Made:
    """What a bundle was made from and with. files: name → bytes of everything that answers."""

    data: TrainingSet
    model: ModelRef
    rungs: Sequence[Rung]
    precision: Precision
    files: Mapping[str, int]
    code: str


def bundle_card(made: Made) -> str:
    """The page that goes into the bundle, as Markdown."""
    parts = [
        "# Model card",
        "A causal transformer over a shopper's last events; it ranks every item of one shop's catalogue.",
        *("## Data", _table(data_facts(made.data)), *_snapshots(made.model)),
        *("## Training", _table(_training(made.model))),
        *("## Parameters", _table(dict(sorted(made.model.parameters.items())))),
        *("## Parity", "\n".join(f"- {rung.sentence}" for rung in made.rungs), f"It serves {made.precision}."),
        *("## Files", _table({name: f"{size:,} bytes" for name, size in sorted(made.files.items())})),
        *("## Limits", "\n".join(f"- {limit}" for limit in limits(made.data, made.model))),
        f"Made by {made.code} from model {made.model.id[:12]}.",
    ]
    return "\n\n".join(parts) + "\n"


def evaluated_card(card: str, evaluation: Evaluation, verdict: Verdict) -> str:
    """The bundle's page with what an evaluation found: metrics beside the baselines, slices, the verdict."""
    days = f"{_day(evaluation.cut + 1)} … {_day(evaluation.as_of)}"
    found = [
        "## Evaluation",
        f"Baskets that began on the landed days {days}, which the model does not know; all items ranked.",
        evaluation.to_markdown(),
        f"**Verdict.** {verdict.sentence}",
        "\n".join(f"- {reason}" for reason in verdict.reasons),
    ]
    return card.rstrip("\n") + "\n\n" + "\n\n".join(part for part in found if part) + "\n"


def data_facts(data: TrainingSet) -> dict[str, object]:
    """What the model could learn from, counted."""
    histories, vocabulary = data.histories, data.vocabulary
    learned = histories.days <= data.cut
    met = np.bincount(histories.items[learned], minlength=len(vocabulary) + 1)[1:]
    kinds = np.bincount(histories.types[learned], minlength=len(EVENT_TYPES) + 1)[1:]
    shares = ", ".join(f"{name} {count:,}" for name, count in zip(EVENT_TYPES, kinds, strict=True) if count)
    return {
        "learned from": f"events landed up to {_day(data.cut)}",
        "kept for judging": f"{_day(data.cut + 1)} … {_day(data.as_of)}, "
        f"{len(next_basket_cases(histories, data.cut, data.as_of)):,} baskets",
        "shoppers": f"{int((data.activity > 0).sum()):,} by the cut, {len(histories):,} in all",
        "events": f"{int(learned.sum()):,} ({shares})",
        "items": f"{len(vocabulary):,}, {int(vocabulary.tombstones.sum()):,} of them delisted",
        "items never met": f"{int((met == 0).sum()):,}",
        "items met 1 to 5 times": f"{int(((met > 0) & (met <= 5)).sum()):,}",
    }


def limits(data: TrainingSet, model: ModelRef) -> list[str]:
    """What the model cannot do, with the figures of this one where there are any."""
    met = np.bincount(data.histories.items[data.histories.days <= data.cut], minlength=len(data.vocabulary) + 1)[1:]
    cold = float((met == 0).mean()) if len(met) else 0.0
    reads = model.parameters.get("length", UNKNOWN)
    return [
        f"It reads the last {reads} events of a shopper with items that it knows; who has none gets what is popular.",
        f"{cold:.1%} of the items were never met while it learned: they are ranked by what the catalogue says of them.",
        "It learned from what was shown and clicked: what nobody could see has no clicks. It does not know stock.",
        "It is judged on what shoppers did next, not on what they would have done with other lists.",
        "It knows one shop. Events that landed after the cut changed nothing in it.",
        "Shoppers are pseudonyms; no attribute of a person is an input.",
    ]


def _training(model: ModelRef) -> dict[str, object]:
    cost = {"cost": UNKNOWN} if not model.cost else {name.replace("_", " "): v for name, v in model.cost.items()}
    return {**{name.replace("_", " "): value for name, value in model.metrics.items()}, **cost}


def _snapshots(model: ModelRef) -> list[str]:
    return ["Snapshots: " + ", ".join(f"{name} {number}" for name, number in model.training_set.snapshots.items())]


def _table(facts: Mapping[str, object]) -> str:
    rows = [f"| {name} | {_told(value)} |" for name, value in facts.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def _told(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _day(number: int) -> str:
    return str(EPOCH + timedelta(days=number))
