"""What the gate of an evaluation sees: cases counted twice, figures worked out again, and the verdict's guards."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np

from freshet.cases import next_basket_cases
from freshet.judge.comparison import Comparison, judged_cases
from freshet.judge.guards import Sign
from freshet.judge.params import JudgeParams
from freshet.settings import Settings
from freshet.stages.recount import recount
from freshet.stages.recounted import misjudged, unlike
from freshet.tables.reading import EPOCH
from freshet.training_set import TrainingSet


def judging_profile(
    settings: Settings,
    comparison: Comparison,
    data: TrainingSet,
    params: JudgeParams,
    found: Sequence[Sign],
    events: int | None,
) -> Mapping[str, object]:
    """One row. Reads the events of all days once, as of their snapshot `events`: see `recount`."""
    evaluation = comparison.evaluation
    count = recount(settings, evaluation.cut, data.as_of, events)
    every = next_basket_cases(data.histories, evaluation.cut, data.as_of)
    asked = judged_cases(data, evaluation.cut, params.most_cases)
    off, wrong = unlike(count, every, data), misjudged(count, asked, comparison, data, params.ndcg_k)
    shoppers = len(np.unique(comparison.owners))
    return {
        "cases": len(every),
        "shoppers": shoppers,
        "cut": str(EPOCH + timedelta(days=evaluation.cut)),
        "minimum": params.minimum_cases,
        "minimum_shoppers": params.minimum_shoppers,
        "lacking": max(0, params.minimum_cases - len(every), params.minimum_shoppers - shoppers),
        "off": len(off),
        "off_who": "; ".join(off[:3]),
        "recounted": len(count.baskets),
        "leaked": count.leaked,
        "judged": count.judged,
        "leaked_share": count.leaked / max(1, count.judged),
        "wrong": len(wrong),
        "wrong_who": "; ".join(wrong[:3]),
        **_short(comparison, data),
        **{f"{sign.guard}_off": int(bool(sign.said)) for sign in found},
        **{f"{sign.guard}_says": sign.said for sign in found},
    }


def _short(comparison: Comparison, data: TrainingSet) -> Mapping[str, object]:
    """Lists with fewer items than there are: whoever gives such has not answered what the others have."""
    alive = len(data.vocabulary) - int(data.vocabulary.tombstones.sum())
    k = min(comparison.evaluation.ks[0], alive)
    counts = {name: int(((scores.lists > 0).sum(axis=1) < k).sum()) for name, scores in comparison.scores.items()}
    who = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return {"short": sum(counts.values()), "short_who": who, "k": k}
