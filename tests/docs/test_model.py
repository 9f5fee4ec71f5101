"""docs/model.md names every parameter of training with its default."""

import re
from pathlib import Path

from freshet.model.params import TrainParams

TEXT = (Path(__file__).parents[2] / "docs" / "model.md").read_text()


def test_every_parameter_is_documented_in_order_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", TEXT, flags=re.MULTILINE)
    assert rows == [(name, str(field.default)) for name, field in TrainParams.model_fields.items()]
