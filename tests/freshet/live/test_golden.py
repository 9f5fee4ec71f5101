import numpy as np
import pytest

from freshet.errors import BundleError
from freshet.live.bundle import open_bundle
from freshet.live.golden import check_golden, make_golden
from freshet.live.manifest import seal
from freshet.live.ranker import open_ranker
from freshet.live.scorer import Encoded
from tests.tiny_bundle import asked_input, history, write_bundle


def test_a_whole_bundle_answers_as_at_export(tmp_path):
    write_bundle(tmp_path)
    assert check_golden(open_ranker(open_bundle(tmp_path))) == 0.0


def test_another_answer_than_at_export_is_refused(tmp_path):
    write_bundle(tmp_path)
    other = Encoded(np.array([[0.9, 0]], dtype=np.float32), np.zeros(1, dtype=np.float32))
    make_golden(asked_input(history(["a"])), other, tmp_path / "golden.npz")
    seal(tmp_path, created_by="t", precision="fp32", length=4, lineage={}, parameters={}, metrics={})
    with pytest.raises(BundleError) as caught:
        check_golden(open_ranker(open_bundle(tmp_path)))
    assert str(caught.value) == (
        f"{tmp_path}/golden.npz: golden requests are answered otherwise than at export (off by 0.11, allowed 0.001); "
        'materialize the asset `bundle` again, or go back to a release that is whole: `freshet rollback --why "…"`'
    )
