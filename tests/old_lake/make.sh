#!/bin/bash
# Write tests/old_lake/lake.tar.xz: a lake, a bundle and a gateway state as commit a2c6901 writes them, the last commit before
# settings, parameters, assets and stored fields were renamed. tests/test_old_lake.py reads it with today's code.
#
#   tests/old_lake/make.sh CHECKOUT
#
# CHECKOUT is a checkout of a2c6901 with its .venv. It takes about five minutes. The lake always lies in the same folder, because
# Iceberg's metadata holds absolute paths.
set -euo pipefail

checkout=$(cd "$1" && pwd)
archive=$(cd "$(dirname "$0")" && pwd)/lake.tar.xz
root=/tmp/freshet-lake-before-renames
commit=$(git -C "$checkout" rev-parse --short=7 HEAD)
[ "$commit" = a2c6901 ] || { echo "$checkout is at $commit, not at a2c6901" >&2; exit 1; }

exec 9>>"$root.lock"
flock 9  # a test may have unpacked the archive there
rm -rf "$root"
mkdir -p "$root/scratch/dagster" "$root/state"
cp "$checkout/examples/simulated_shop.yaml" "$root/mapping.yaml"

# Every setting that was renamed, under its former name.
cat >"$root/.env" <<ENV
FRESHET_LAKE=$root/lake
FRESHET_MAPPING=$root/mapping.yaml
FRESHET_FIRST_DAY=2024-03-04
FRESHET_SPARK_MEMORY=2g
FRESHET_BAD_SHARE_LIMIT=0.2
FRESHET_SKIPPED_SHARE_LIMIT=0.9
FRESHET_DELIVERIES=daily
FRESHET_USUAL_DAYS=14
FRESHET_USUAL_LIMITS=volume:9:20,prices:off
FRESHET_LOOKBACK_DAYS=5
FRESHET_CACHE=~/.cache/freshet
FRESHET_DEVICE=cpu
FRESHET_EURO_PER_HOUR=1.5
FRESHET_LISTS=first
FRESHET_ITEM_INPUTS=title:words,category:category,price:number,picture:vector
FRESHET_STUDY_DATABASE=sqlite:///$root/state/studies.db
FRESHET_TRACKING=$root/tracking
FRESHET_STATE=$root/state
FRESHET_PROOF_SECONDS=90
FRESHET_SEAL_SECONDS=3600
FRESHET_JOURNAL_SECONDS=2
FRESHET_QUIET_SECONDS=0
FRESHET_LANDING_SECONDS=30
ENV
set -a
. "$root/.env"
set +a
unset FRESHET_TRACKING
export FRESHET_CACHE="$HOME/.cache/freshet" DAGSTER_HOME="$root/scratch/dagster" PYTHONPATH="$checkout" PATH="$checkout/.venv/bin:$PATH"
cd "$root/scratch"

materialize() { dagster asset materialize -m pipelines.definitions -d "$checkout" --select "$@"; }

# Eight of nine days; today's code lands the ninth.
python - <<'PYTHON'
from datetime import date

from freshet.settings import load
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import generate
from freshet.store import open_store
from freshet.tables.mapping import read
from pipelines.simulated import deliver_days, keep_shop

settings = load()
params = ShopParams(first_day=date(2024, 3, 4), days=9, shoppers=140, items=48, categories=6, looks=9.0)
deliver_days(settings, read(settings.mapping), generate(params), range(8))
keep_shop(open_store(settings.lake), params)
PYTHON

# Vectors of pictures that the shop landed, and a day of the gateway's impressions.
python - <<'PYTHON'
import io

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from freshet.serving.impressions import Impression
from freshet.settings import load
from freshet.store import open_store

store = open_store(load().lake)
items = [f"i{number:04d}" for number in range(1, 49)]
vectors = np.random.default_rng(0).normal(size=(len(items), 4)).astype("float32")
buffer = io.BytesIO()
pq.write_table(pa.table({"item_id": items, "vector": vectors.tolist()}), buffer)
store.put("landing/item_vectors/picture/all.parquet", buffer.getvalue())
lines = [
    Impression(f"r{number}", None, tuple(items[number : number + 3]), "sequence", "champion", "ab" * 32, 1, "2024-03-08T10:00:00Z")
    for number in range(3)
]
store.put("landing/impressions/dt=2024-03-08/g1.jsonl", b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
PYTHON

cat >training_set.yaml <<'YAML'
ops:
  training_set: {config: {as_of: "2024-03-09", holdout_days: 2}}
YAML
model='length: 8, width: 16, vector: 16, blocks: 1, heads: 1, members: 2, validation_cases: 50'
cat >model.yaml <<YAML
ops:
  trained_model: {config: {$model, max_epochs: 8, steps_per_epoch: 100}}
YAML
cat >unfinished.yaml <<'YAML'
ops:
  trained_model: {config: {length: 8, width: 8, vector: 8, blocks: 1, heads: 1, members: 1, max_epochs: 2000, patience: 2000, save_seconds: 1.0}}
YAML
cat >evaluation.yaml <<'YAML'
ops:
  evaluation: {config: {minimum_cases: 10, minimum_shoppers: 5, samples: 200, margin: 0.9, confidence: 0.51}}
YAML
cat >drift.yaml <<'YAML'
ops:
  drift_report: {config: {fresh_days: 2, minimum_events: 50, minimum_cases: 5, samples: 200, limit: 0.001, slack: 1.0}}
YAML
cat >search.yaml <<YAML
ops:
  search:
    config:
      {trials: 8, least_complete: 2, max_minutes: 3, pruner: none, over: [learning_rate, dropout, id_dropout, inside_share],
       fixed: {length: 8, width: 16, vector: 16, blocks: 1, heads: 1, members: 2, validation_cases: 200, max_epochs: 2, steps_per_epoch: 50}}
YAML

materialize 'quarantined_events,raw_events,events,histories,user_features,item_features,items,impressions' --partition-range 2024-03-04...2024-03-11
freshet days accept 2024-03-06 --why "a sale"
materialize vocabulary
materialize item_vectors
materialize training_set -c training_set.yaml
dagster asset materialize -m pipelines.definitions -d "$checkout" --select trained_model -c unfinished.yaml &
training=$!
until compgen -G "$root/lake/unfinished/*/*" >/dev/null; do sleep 0.2; done
kill -KILL $training
wait $training || true
materialize trained_model -c model.yaml
materialize bundle
materialize evaluation -c evaluation.yaml
materialize release
materialize 'latest_histories,new_items,recommendations'
freshet release --hold --why "stock taking"
freshet release --resume --why "done"
materialize edge_bundle
materialize drift_report -c drift.yaml
materialize search -c search.yaml

# A gateway that is killed while an event waits to be landed.
FRESHET_GATEWAY_PORT=18099 freshet serve >serve.log 2>&1 &
gateway=$!
for _ in $(seq 100); do curl -sf localhost:18099/readyz >/dev/null && break; sleep 0.5; done
curl -sf localhost:18099/v1/events -d '{"event_id": "waits-1", "user_id": "u00001", "item_id": "i0003", "event_type": "view"}'
kill -KILL $gateway
wait $gateway || true

# What the commands of that commit print; today's must rank alike.
freshet recommend --items i0003,i0007 -k 5 >"$root/recommend.txt"
freshet releases >"$root/releases.txt"
freshet days >"$root/days.txt"

for asset in search drift_report item_vectors recommendations edge_bundle release; do
    [ -e "$root/lake/published/$asset.json" ] || { echo "there is no published/$asset.json" >&2; exit 1; }
done
rm -rf "$root/scratch" "$root"/lake/drift/*.html  # Evidently's page is larger than everything else together
find "$root" -name '*.crc' -delete
tar -C /tmp -cf - --sort=name --owner=0 --group=0 --mtime=@0 "$(basename "$root")" | xz -9e >"$archive"
ls -l "$archive"
