"""Jobs: update the tables of landing days, retrain, both at the end of a day; score, tune and build an edge bundle."""

from typing import Final

import dagster as dg

DAILY_TABLES: Final = (
    "raw_events",
    "quarantined_events",
    "events",
    "items",
    "item_features",
    "user_features",
    "histories",
    "impressions",
)
# Built from all days so far: the training set, what a gateway reads beside the bundle, and the drift report.
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
    "update_tables",
    selection=dg.AssetSelection.assets(*DAILY_TABLES, *DERIVED_ASSETS),
    description="Update every daily table for one landing day or a range of days, and the assets built from all days.",
)
retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(*MODEL_ASSETS),
    description="Train a model on the last training set, evaluate it against the champion, release it if it passes.",
)
nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.assets(*DAILY_TABLES, *DERIVED_ASSETS, *MODEL_ASSETS),
    description="Update the tables of the day that has ended, then retrain.",
)
batch_scoring = dg.define_asset_job(
    "batch_scoring",
    selection=dg.AssetSelection.assets("recommendations"),
    description="Write a list of recommendations for every shopper, from the released bundle and the latest histories.",
)
tune = dg.define_asset_job(
    "tune",
    selection=dg.AssetSelection.assets("tuning"),
    # `max_minutes` of the study ends it earlier; deploy/dagster.yaml allows other runs 4 hours.
    tags={"dagster/max_runtime": str(8 * 3600)},
    description="Search for hyper-parameters that are better than the defaults, on the last training set.",
)
build_edge_bundle = dg.define_asset_job(
    "build_edge_bundle",  # not `edge_bundle`: Dagster refuses a job with the name of an asset
    selection=dg.AssetSelection.assets("edge_bundle"),
    description="Quantise the last bundle for small devices; it is kept only if it ranks like the full bundle.",
)
# Retraining keeps the champion's parameters, also those of a study's winner, so a new model need only be no worse.
CHAMPION_CONFIG: Final = {"ops": {"trained_model": {"config": {"param_source": "champion"}}}}
TRAINING_JOBS: Final = ("retrain", "nightly")
