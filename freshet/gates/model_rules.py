"""Rules of training data, models, bundles, evaluations and drift reports."""

from collections.abc import Mapping
from typing import Final

from freshet.gates.rules import BUG_FIX, Rule, zero_rule

_EXPORTER_FIX: Final = "check the exporter's version; the model is kept, materialize `bundle` again"
_FULL_BUNDLE_FIX: Final = "nothing: serve the full bundle there"
_CURVE_FIX: Final = "look at the training curve and at `trained_model`"
_REGRESSION_FIX: Final = "look for a change in the data, the mapping or the parameters"

_DAYS_MATCH_RULE: Final = zero_rule(
    "days_match_events", "mismatched_days",
    "{mismatched_days_details}",
    "then materialize vocabulary and training_set again",
)  # fmt: skip


def _guard_rule(name: str, guard: str, fix: str) -> Rule:
    """Return the rule of a guard of the verdict: a warning here; the verdict decides whether it holds a release."""
    return Rule(name, f"{guard}_failed", f"{{{guard}_message}}", fix, max_value=0, severity="warn")


MODEL_SUITES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "vocabulary": (
        Rule(
            "at_least_two_items", "rows",
            "the shop has {rows} item(s); a recommender needs at least {limit}",
            "land more days, or check whether the mapping's item_id or `where` discards items",
            min_value=2, severity="skip",
        ),
        _DAYS_MATCH_RULE,
        zero_rule("items_are_unique", "repeated", "{repeated} of {rows} rows repeat an item", BUG_FIX),
        zero_rule(
            "indexes_are_dense", "index_gaps",
            "indexes run from {lowest_index} to {highest_index} for {rows} items",
            BUG_FIX,
        ),
        zero_rule(
            "indexes_never_move", "reindexed_items",
            "{reindexed_items} published items lost or changed their index",
            "start a new generation: in the launchpad, set `new_generation: true` for vocabulary",
        ),
    ),
    "training_set": (
        _DAYS_MATCH_RULE,
        zero_rule("shoppers_are_unique", "repeated", "{repeated} of {rows} rows repeat a shopper", BUG_FIX),
        zero_rule(
            "arrays_are_even", "length_mismatch",
            "{length_mismatch} of {rows} shoppers have arrays of different lengths",
            BUG_FIX,
        ),
        zero_rule(
            "events_are_in_order", "unordered",
            "{unordered} of {rows} histories are out of order",
            BUG_FIX,
        ),
        zero_rule(
            "items_are_known", "unknown_items",
            "item indexes run from {lowest_item} to {highest_item}; the vocabulary has 1 to {vocabulary_size}",
            "materialize items for every day of histories, then vocabulary and training_set in one run",
        ),
        zero_rule(
            "event_types_are_known", "unknown_types",
            "{unknown_types} of {rows} shoppers have an event of unknown type",
            BUG_FIX,
        ),
        zero_rule(
            "nothing_landed_later", "leaked_rows",
            "the set contains events that landed after {as_of}",
            BUG_FIX,
        ),
        Rule(
            "shoppers_came_twice", "returning_shoppers",
            "{returning_shoppers} of {rows} shoppers have two baskets by {train_until}; training needs at least "
            "{limit} such shoppers",
            "land more days, or lower `holdout_days`",
            min_value=2, severity="skip",
        ),
    ),
    "content_embeddings": (
        zero_rule(
            "vectors_have_one_length", "dim_mismatch",
            "{dim_mismatch} landed vectors differ in length from the others of their name",
            "land them again, all from the same encoder",
        ),
        zero_rule(
            "vectors_are_finite", "not_finite",
            "{not_finite} vectors contain a value that is not finite",
            "correct the encoder that produces them, then land them again",
        ),
        Rule(
            "most_items_have_vectors", "min_coverage",
            "{min_coverage:.0%} of {items} items have a vector `{least_covered}`",
            "land vectors for the other items, or remove it from FRESHET_ITEM_SCHEMA",
            min_value=0.5, severity="warn",
        ),
    ),
    "tuning": (
        zero_rule(
            "default_was_tried", "default_missing",
            "the default configuration has no score: {default_missing_reason}",
            "set the parameters with which it trains in `fixed_params`, then run the tuning again",
        ),
        zero_rule("scores_are_finite", "not_finite", "{not_finite} of {completed} scores are not finite", BUG_FIX),
        Rule(
            "enough_trials_are_complete", "missing_trials",
            "{completed} of {trials} trials completed; at least {min_trials} are needed",
            "run the tuning again, it resumes the study; or raise `n_trials` or `max_minutes`",
            max_value=0, severity="skip",
        ),
        Rule(
            "winner_beats_the_default", "winner_is_better",
            "{sentence}",
            "nothing: the configuration in use stays",
            min_value=1, severity="warn",
        ),
    ),
    "trained_model": (
        zero_rule("weights_are_finite", "not_finite", "{not_finite} weights are not finite", "lower `learning_rate`"),
        Rule(
            "loss_beats_chance", "below_chance",
            "the training loss ended at {loss:.3f}; guessing at random gives {chance_loss:.3f}",
            "raise `max_epochs` or `max_minutes`, or land more days",
            min_value=0,
        ),
        Rule(
            "no_forgetting", "forgetting",
            "NDCG@10 on {older_cases} older baskets is {older_ndcg:.4f}, {forgetting:.0%} below the champion's "
            "{champion_older_ndcg:.4f}",
            "train cold: set `warm_start` to off or auto",
            max_value=0.1,
        ),
    ),
    "bundle": (
        Rule(
            "fp32_answers_as_torch", "fp32_overlap",
            "fp32 shares {fp32_overlap:.4f} of torch's top 20: {fp32_details}",
            _EXPORTER_FIX,
            min_value=0.99,
        ),
        Rule(
            "smaller_answers_as_torch", "low_precision_overlap",
            "{low_precision} shares {low_precision_overlap:.4f} of torch's top 20: {low_precision_details}",
            "nothing: the bundle serves fp32",
            min_value=0.95, severity="warn",
        ),
        Rule(
            "precision_costs_no_quality", "ndcg_loss",
            "{precision} loses {ndcg_loss:.2%} of NDCG on real histories",
            "export again",
            max_value=0.005,
        ),
        Rule(
            "item_encoder_answers_as_torch", "item_encoder_error",
            "the item encoder's embeddings differ from torch's by {item_encoder_error:.2g} of the largest value",
            _EXPORTER_FIX,
            max_value=1e-3,
        ),
        zero_rule(
            "bundle_answers_as_sealed", "corrupt",
            "the sealed bundle fails its own check: {corrupt_reason}",
            "materialize `bundle` again",
        ),
        Rule(
            "answers_are_the_same_in_a_group", "batch_agreement",
            "only {batch_agreement:.4f} of the histories get the same list alone and in a batch",
            "check the exporter's version: the encoder's rounding must not depend on the other histories of a batch",
            min_value=1,
        ),
        Rule("answers_are_fast", "p99_ms", "{latency}", "then materialize `bundle` again", max_value=100),
    ),
    "edge_bundle": (
        Rule(
            "edge_answers_as_fp32", "overlap",
            "it shares {overlap:.4f} of the full bundle's top 20: {overlap_details}",
            _FULL_BUNDLE_FIX,
            min_value=0.95,
        ),
        Rule(
            "precision_costs_no_quality", "ndcg_loss",
            "it loses {ndcg_loss:.2%} of NDCG on real histories",
            _FULL_BUNDLE_FIX,
            max_value=0.005,
        ),
        Rule(
            "edge_is_small", "share_of_size_budget",
            "its files have {bytes:,} bytes, and {size_budget:,} are allowed; the largest file is {largest_file}",
            "lower `ensemble_size` or `embedding_dim`, which add bytes for every item",
            max_value=1, severity="skip",
        ),
        zero_rule(
            "edge_answers_as_sealed", "corrupt",
            "the sealed edge bundle fails its own check: {corrupt_reason}",
            "materialize `edge_bundle` again",
        ),
    ),
    "evaluation": (
        Rule(
            "there_are_enough_cases", "missing_cases",
            "{cases} baskets of {shoppers} shoppers landed after {train_until}; at least {min_cases} baskets of "
            "{min_shoppers} shoppers are needed",
            "raise `holdout_days` or land more days",
            max_value=0, severity="warn",
        ),
        zero_rule(
            "cases_match_events", "mismatched_cases",
            "{mismatched_cases} baskets differ from the events ({cases} evaluated, {recounted_cases} recounted): "
            "{mismatched_cases_examples}",
            "if a day was published again meanwhile, materialize `training_set` and everything after it; otherwise "
            "report a bug",
        ),
        Rule(
            "nothing_leaked", "leaked_share",
            "{leaked_events} of {evaluated_events} evaluated events had landed on training days",
            "look for deliveries that repeat old events; correct the export, or land those days without the copies",
            max_value=0.001, warn_above=0,
        ),
        zero_rule(
            "metrics_match_a_recount", "mismatched_metrics",
            "{mismatched_metrics} metrics differ from the recount: {mismatched_metrics_examples}",
            BUG_FIX,
        ),
        Rule(
            "every_list_is_full", "short_lists",
            "lists with fewer than {k} items: {short_lists_details}",
            "a champion of another generation lacks items: release a model of this generation",
            max_value=0, severity="warn",
        ),
        _guard_rule("encoder_carries_its_weight", "encoder", _CURVE_FIX),
        _guard_rule("answers_differ_between_shoppers", "sameness", _CURVE_FIX),
        _guard_rule("lists_are_no_narrower", "narrowing", "check whether the shop's assortment became narrower, too"),
        _guard_rule("slices_do_not_fall", "slices", "look at the events that landed for that part of the shop"),
        _guard_rule("anchor_is_not_better", "anchor", _REGRESSION_FIX),
        _guard_rule("ratio_to_baselines_is_kept", "ratio", _REGRESSION_FIX),
        _guard_rule("quality_is_plausible", "rise", "check the newest days before you trust it"),
        _guard_rule("baskets_are_not_echoes", "echo", "check the tracker: it may write events twice"),
    ),
    "drift_report": (
        Rule(
            "there_is_something_to_compare", "compared_days",
            "{missing_reason}",
            "nothing: the report is rebuilt when the next day has landed",
            min_value=1, severity="warn",
        ),
        zero_rule("figures_are_finite", "not_finite", "{not_finite} figures are not finite", BUG_FIX),
        Rule(
            "shop_is_as_the_champion_knows_it", "drifted",
            "{sentence}",
            "nothing: the sensor `drift` starts a retraining",
            max_value=0, severity="warn",
        ),
        Rule(
            "shop_is_as_the_anchor_knew_it", "drifted_from_anchor",
            "{drifted_from_anchor_message}",
            "check whether the shop itself changed; if it did, name a later release in FRESHET_ANCHOR_RELEASE",
            max_value=0, severity="warn",
        ),
        Rule(
            "quality_is_plausible", "implausible_rise",
            "{implausible_rise_message}",
            "check the newest days before you trust it",
            max_value=0, severity="warn",
        ),
    ),
}  # fmt: skip
