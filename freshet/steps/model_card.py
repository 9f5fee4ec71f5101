"""The model card: what a bundle was made from, what it is worth, what it cost and what it cannot do, on one page.

The page that is sealed into the bundle holds only what is the same whenever the bundle is made again from the same
model: a bundle's name is a hash of its bytes. What an evaluation finds is written beside the evaluation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from freshet.artifacts import ModelRef
from freshet.data.columns import EVENT_TYPES
from freshet.data.day_numbers import day_from_number
from freshet.data.eval_cases import next_basket_cases
from freshet.data.training_set import TrainingSet
from freshet.evaluation.comparison import Evaluation
from freshet.evaluation.verdict import Verdict
from freshet.inference.manifest import Precision
from freshet.verification.parity import ParityResult

UNKNOWN: Final = "not recorded"


@dataclass(frozen=True)
class ModelCardInputs:
    """What a bundle was made from and with. files: name → bytes of everything that answers."""

    training_set: TrainingSet
    model: ModelRef
    parity_results: Sequence[ParityResult]
    precision: Precision
    file_sizes: Mapping[str, int]
    code_version: str


def render_bundle_card(inputs: ModelCardInputs) -> str:
    """The page that goes into the bundle, as Markdown."""
    sections = [
        "# Model card",
        "A causal transformer over a shopper's last events; it ranks every item of one shop's catalogue.",
        *("## Data", _table(data_summary(inputs.training_set)), *_snapshots(inputs.model)),
        *("## Training", _table(_training_summary(inputs.model))),
        *("## Parameters", _table(dict(sorted(inputs.model.parameters.items())))),
        *(
            "## Parity",
            "\n".join(f"- {rung.sentence}" for rung in inputs.parity_results),
            f"It serves {inputs.precision}.",
        ),
        *("## Files", _table({name: f"{size:,} bytes" for name, size in sorted(inputs.file_sizes.items())})),
        *("## Limits", "\n".join(f"- {limit}" for limit in limitations(inputs.training_set, inputs.model))),
        f"Made by {inputs.code_version} from model {inputs.model.id[:12]}.",
    ]
    return "\n\n".join(sections) + "\n"


def render_evaluated_card(card: str, evaluation: Evaluation, verdict: Verdict) -> str:
    """The bundle's page with what an evaluation found: metrics beside the baselines, slices, the verdict."""
    days = f"{_format_day(evaluation.train_until + 1)} … {_format_day(evaluation.as_of)}"
    sections = [
        "## Evaluation",
        f"Baskets that began on the landed days {days}, which the model does not know; all items ranked.",
        evaluation.to_markdown(),
        f"**Verdict.** {verdict.sentence}",
        "\n".join(f"- {reason}" for reason in verdict.reasons),
    ]
    return card.rstrip("\n") + "\n\n" + "\n\n".join(section for section in sections if section) + "\n"


def data_summary(training_set: TrainingSet) -> dict[str, object]:
    """What the model could learn from, counted."""
    histories, vocabulary = training_set.histories, training_set.vocabulary
    in_training = histories.days <= training_set.train_until
    item_counts = np.bincount(histories.items[in_training], minlength=len(vocabulary) + 1)[1:]
    type_counts = np.bincount(histories.types[in_training], minlength=len(EVENT_TYPES) + 1)[1:]
    type_summary = ", ".join(f"{name} {count:,}" for name, count in zip(EVENT_TYPES, type_counts, strict=True) if count)
    return {
        "learned from": f"events landed up to {_format_day(training_set.train_until)}",
        "kept for judging": f"{_format_day(training_set.train_until + 1)} … {_format_day(training_set.as_of)}, "
        f"{len(next_basket_cases(histories, training_set.train_until, training_set.as_of)):,} baskets",
        "shoppers": f"{int((training_set.event_counts > 0).sum()):,} by the cut, {len(histories):,} in all",
        "events": f"{int(in_training.sum()):,} ({type_summary})",
        "items": f"{len(vocabulary):,}, {int(vocabulary.delisted.sum()):,} of them delisted",
        "items never met": f"{int((item_counts == 0).sum()):,}",
        "items met 1 to 5 times": f"{int(((item_counts > 0) & (item_counts <= 5)).sum()):,}",
    }


def limitations(training_set: TrainingSet, model: ModelRef) -> list[str]:
    """What the model cannot do, with the figures of this one where there are any."""
    item_counts = np.bincount(
        training_set.histories.items[training_set.histories.days <= training_set.train_until],
        minlength=len(training_set.vocabulary) + 1,
    )[1:]
    cold_share = float((item_counts == 0).mean()) if len(item_counts) else 0.0
    max_history = model.parameters.get("max_history", UNKNOWN)
    return [
        f"It reads the last {max_history} events of a shopper with items that it knows; who has none gets what is popular.",
        f"{cold_share:.1%} of the items were never met while it learned: they are ranked by what the catalogue says of them.",
        "It learned from what was shown and clicked: what nobody could see has no clicks. It does not know stock.",
        "It is judged on what shoppers did next, not on what they would have done with other lists.",
        "It knows one shop. Events that landed after the cut changed nothing in it.",
        "Shoppers are pseudonyms; no attribute of a person is an input.",
    ]


def _training_summary(model: ModelRef) -> dict[str, object]:
    cost = {"cost": UNKNOWN} if not model.cost else {name.replace("_", " "): v for name, v in model.cost.items()}
    return {**{name.replace("_", " "): value for name, value in model.metrics.items()}, **cost}


def _snapshots(model: ModelRef) -> list[str]:
    return ["Snapshots: " + ", ".join(f"{name} {number}" for name, number in model.training_set.snapshots.items())]


def _table(facts: Mapping[str, object]) -> str:
    rows = [f"| {name} | {_format_value(value)} |" for name, value in facts.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def _format_value(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _format_day(number: int) -> str:
    return str(day_from_number(number))
