"""What runs together: a landing day, a new model, and the two at the end of a day."""

from typing import Final

import dagster as dg

DAILY_TABLES: Final = (
    "raw_events", "quarantined_events", "events", "items", "item_features", "user_features", "histories", "impressions",
)  # fmt: skip
# Made from all days so far: what a model learns from, what a gateway knows of its shoppers, the watch on drift.
DERIVED_ASSETS: Final = (
    "vocabulary",
    "content_embeddings",
    "training_set",
    "latest_histories",
    "new_items",
    "drift_report",
)
MODEL_ASSETS: Final = ("trained_model", "bundle", "evaluation", "release")

update_tables = dg.define_asset_job(
    "day",
    selection=dg.AssetSelection.assets(*DAILY_TABLES, *DERIVED_ASSETS),
    description="One landing day, or a range of them: every daily table, and what is made from all days so far.",
)
retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(*MODEL_ASSETS),
    description="A new model from the last training set, judged against the champion, released if it may serve.",
)
nightly = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.assets(*DAILY_TABLES, *DERIVED_ASSETS, *MODEL_ASSETS),
    description="The end of a day: the day is closed and a new model made.",
)
batch_scoring = dg.define_asset_job(
    "score",
    selection=dg.AssetSelection.assets("recommendations"),
    description="Every shopper's list as a table, from the bundle that serves and the latest histories.",
)
tune = dg.define_asset_job(
    "study",
    selection=dg.AssetSelection.assets("tuning"),
    tags={"dagster/max_runtime": str(8 * 3600)},  # its own `max_minutes` come first; deploy/dagster.yaml has 4 hours
    description="A study on the last training set: is there a better configuration than the defaults?",
)
edge_bundle = dg.define_asset_job(
    "edge",
    selection=dg.AssetSelection.assets("edge_bundle"),
    description="The last bundle made small, kept only if it answers like the full one.",
)
# What serves keeps its configuration, a search's winner, too, so that a new day's model need only be no worse.
CHAMPION_CONFIG: Final = {"ops": {"trained_model": {"config": {"params_from": "champion"}}}}
TRAINING_JOBS: Final = ("retrain", "daily")
