"""Base of stored records: fields are also read under their former names."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


def rename_former(values: Mapping[str, Any], former_names: Mapping[str, str]) -> dict[str, Any]:
    """Return `values` with former names replaced by current ones; a value under the current name takes precedence."""
    current_names = {former: name for name, former in former_names.items() if name not in values}
    return {current_names.get(name, name): value for name, value in values.items()}


class StoredModel(BaseModel):
    """Base of records stored as JSON in the lake or in a bundle; fields are also read under their former names.

    former_names: field → its name in files of earlier versions.
    """

    model_config = ConfigDict(frozen=True)

    former_names: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _rename_former(cls, values: Any) -> Any:
        return rename_former(values, cls.former_names) if isinstance(values, Mapping) else values

    def dump_former(self) -> dict[str, Any]:
        """Return the record's JSON values under the former names, for hashes that must stay the same."""
        return {self.former_names.get(name, name): value for name, value in self.model_dump(mode="json").items()}
