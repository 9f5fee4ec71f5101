"""The simulated shop in a lake: its stored parameters, and landing day by day."""

import json
from dataclasses import replace
from datetime import date

import pytest

from freshet.errors import LakeError
from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.landing import landing_days
from freshet.simulation.params import Drift, ShopParams
from freshet.simulation.shop import generate
from freshet.store import open_store
from pipelines.load_simulation import SHOP_PATH, deliver_days, load_shop_params, save_shop_params
from tests.small_shop import MAPPING_FILE

PARAMS = ShopParams(
    seed=7, first_day=date(2024, 1, 2), days=4, shoppers=30, items=20, categories=5, drifts=(Drift("habit", 2, 0.5),)
)


def test_a_lake_without_a_simulated_shop_keeps_none(tmp_path):
    assert load_shop_params(open_store(str(tmp_path))) is None


def test_stored_shop_params_are_read_back(tmp_path):
    store = open_store(str(tmp_path))
    save_shop_params(store, PARAMS)
    assert load_shop_params(store) == PARAMS


def test_parameters_are_read_under_their_former_names(tmp_path):
    store = open_store(str(tmp_path))
    former = {
        "rules": 2, "seed": 7, "first_day": "2024-01-02", "days": 4, "shoppers": 30, "items": 20, "categories": 5,
        "looks": 8.0, "visit_looks": 2.0, "follow": 0.5, "again": 0.2, "shown": 0.1, "turnover": 0.01,
        "drifts": [{"kind": "habit", "day": 2, "strength": 0.5}],
    }  # fmt: skip
    store.put(SHOP_PATH, json.dumps(former).encode())
    assert load_shop_params(store) == replace(
        PARAMS, views_per_shopper=8.0, views_per_session=2.0, p_follow_link=0.5, p_revisit=0.2, p_related_click=0.1,
        catalogue_churn=0.01,
    )  # fmt: skip


@pytest.mark.parametrize("version", [None, 3])
def test_a_shop_of_another_version_is_refused(tmp_path, version):
    store = open_store(str(tmp_path))
    save_shop_params(store, PARAMS)
    values = json.loads(store.get(SHOP_PATH))
    values.pop("rules", None)
    store.put(SHOP_PATH, json.dumps(values if version is None else {"rules": version, **values}).encode())
    with pytest.raises(LakeError) as refusal:
        load_shop_params(store)
    assert str(refusal.value) == (
        f"{tmp_path}/simulation/shop.json: version {version or 1} of the simulation made this shop, and this "
        "Freshet has version 2; remove the demo's folder (`rm -r demo`); `make dev` then starts a new shop"
    )


def test_days_land_one_after_the_other_as_they_would_together(settings):
    shop, mapping = generate(PARAMS), read_mapping(MAPPING_FILE)
    first_files, days = deliver_days(settings, mapping, shop, range(2))
    assert days == (date(2024, 1, 2), date(2024, 1, 3))
    later_files, _ = deliver_days(settings, mapping, shop, range(2, 4))
    store = open_store(settings.lake)
    assert landing_days(store) == [date(2024, 1, 2 + number) for number in range(4)]
    landed_files = store.list("landing/events")
    rerun, _ = deliver_days(settings, mapping, shop, range(4))
    assert first_files.rows + later_files.rows == rerun.rows
    assert store.list("landing/events") == landed_files  # the same files, so none lands
