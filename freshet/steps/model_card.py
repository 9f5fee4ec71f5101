"""The model card: data, training, cost, parity, limits and evaluation of a bundle, as Markdown.

The card inside a bundle holds only what is the same each time the bundle is built from the same model, because the
bundle's id is a hash of its bytes. The card with the evaluation's results is stored beside the evaluation.
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
from freshet.model.params import current_parameters
from freshet.verification.parity import ParityResult

UNKNOWN: Final = "not recorded"


@dataclass(frozen=True)
class ModelCardInputs:
    """Everything that the bundle's card reports."""

    training_set: TrainingSet
    model: ModelRef
    parity_results: Sequence[ParityResult]
    precision: Precision
    file_sizes: Mapping[str, int]  # file name → bytes
    code_version: str


def render_bundle_card(inputs: ModelCardInputs) -> str:
    """Return the card that goes into the bundle."""
    sections = [
        "# Model card",
        "A causal transformer over a shopper's last events; it ranks every item of one shop's catalogue.",
        *("## Data", _table(data_summary(inputs.training_set)), *_snapshots(inputs.model)),
        *("## Training", _table(_training_summary(inputs.model))),
        *("## Parameters", _table(dict(sorted(current_parameters(inputs.model.parameters).items())))),
        *(
            "## Parity",
            "\n".join(f"- {result.sentence}" for result in inputs.parity_results),
            f"Precision in serving: {inputs.precision}.",
        ),
        *("## Files", _table({name: f"{size:,} bytes" for name, size in sorted(inputs.file_sizes.items())})),
        *("## Limits", "\n".join(f"- {limit}" for limit in limitations(inputs.training_set, inputs.model))),
        f"Built by {inputs.code_version} from model {inputs.model.id[:12]}.",
    ]
    return "\n\n".join(sections) + "\n"


def render_evaluated_card(card: str, evaluation: Evaluation, verdict: Verdict) -> str:
    """Return the bundle's card with an evaluation: metrics of all scorers, slices, verdict."""
    days = f"{_format_day(evaluation.train_until + 1)} … {_format_day(evaluation.as_of)}"
    sections = [
        "## Evaluation",
        f"Baskets that began on the landing days {days}, after the training data; all items are ranked.",
        evaluation.to_markdown(),
        f"**Verdict.** {verdict.sentence}",
        "\n".join(f"- {reason}" for reason in verdict.reasons),
    ]
    return card.rstrip("\n") + "\n\n" + "\n\n".join(section for section in sections if section) + "\n"


def data_summary(training_set: TrainingSet) -> dict[str, object]:
    """Return the counts of the training data."""
    histories, vocabulary = training_set.histories, training_set.vocabulary
    in_training = histories.days <= training_set.train_until
    item_counts = np.bincount(histories.items[in_training], minlength=len(vocabulary) + 1)[1:]
    type_counts = np.bincount(histories.types[in_training], minlength=len(EVENT_TYPES) + 1)[1:]
    type_summary = ", ".join(f"{name} {count:,}" for name, count in zip(EVENT_TYPES, type_counts, strict=True) if count)
    return {
        "training data": f"events landed up to {_format_day(training_set.train_until)}",
        "held out for evaluation": f"{_format_day(training_set.train_until + 1)} … {_format_day(training_set.as_of)}, "
        f"{len(next_basket_cases(histories, training_set.train_until, training_set.as_of)):,} baskets",
        "shoppers": f"{int((training_set.event_counts > 0).sum()):,} in the training data, {len(histories):,} in all",
        "events": f"{int(in_training.sum()):,} ({type_summary})",
        "items": f"{len(vocabulary):,}, {int(vocabulary.delisted.sum()):,} of them delisted",
        "items without events": f"{int((item_counts == 0).sum()):,}",
        "items with 1 to 5 events": f"{int(((item_counts > 0) & (item_counts <= 5)).sum()):,}",
    }


def limitations(training_set: TrainingSet, model: ModelRef) -> list[str]:
    """Return the known limits of the model, one sentence each."""
    item_counts = np.bincount(
        training_set.histories.items[training_set.histories.days <= training_set.train_until],
        minlength=len(training_set.vocabulary) + 1,
    )[1:]
    cold_share = float((item_counts == 0).mean()) if len(item_counts) else 0.0
    max_history = current_parameters(model.parameters).get("max_history", UNKNOWN)
    return [
        f"It reads a shopper's last {max_history} events with known items; a shopper without any gets popular items.",
        f"{cold_share:.1%} of the items have no event in the training data: they are ranked by catalogue attributes.",
        "It is trained on logged events: items that were never shown have none. It has no stock data.",
        "It is evaluated on what shoppers did next, not on what they would have done with other recommendations.",
        "It is a model of one shop. Events that landed after the training data are not in its weights.",
        "Shoppers are pseudonyms; no personal attribute is an input.",
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
