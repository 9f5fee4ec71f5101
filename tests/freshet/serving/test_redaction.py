"""Redaction of server paths in error responses."""

import pytest

from freshet.serving.errors import Problem
from freshet.serving.redaction import PathRedactor, path_redactor
from tests.tiny_gateway import gateway_settings

PATH_COVER = PathRedactor(
    {"/srv/shop/lake": "$FRESHET_LAKE", "/srv/shop": "~", "s3://shop/lake": "$FRESHET_LAKE", "lake": "no"}
)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("/srv/shop/lake/releases/00000003.json: it is gone", "$FRESHET_LAKE/releases/00000003.json: it is gone"),
        ("s3://shop/lake/bundles/ab", "$FRESHET_LAKE/bundles/ab"),
        ("/srv/shop/other", "~/other"),
        ("/srv/shop/lakes/x", "~/lakes/x"),
        ("[Errno 2] No such file: '/usr/lib/x/libonnx.so'", "[Errno 2] No such file: '…/libonnx.so'"),
        ("see /openapi for what there is", "see /openapi for what there is"),
        ("/v1/items/a/similar", "/v1/items/a/similar"),
        ("it is 3/4 full; see docs/gateway.md, http://127.0.0.1:8080/v1/popular", None),
        ("the lake knows no item a/b/c", None),
    ],
)
def test_folders_get_their_settings_name_and_other_paths_are_shortened(text, seen):
    assert PATH_COVER.redact(text) == (text if seen is None else seen)


def test_a_gateways_own_folders_are_covered(tmp_path):
    cover = path_redactor(gateway_settings(tmp_path))
    problem = Problem(f"{tmp_path}/lake/releases", f"{tmp_path}/state/ab/gateway.sqlite", f"rm {tmp_path}/cache/x")
    assert cover.redact_problem(problem) == Problem(
        "$FRESHET_LAKE/releases", "$FRESHET_GATEWAY_STATE_DIR/ab/gateway.sqlite", "rm $FRESHET_CACHE_DIR/x"
    )
