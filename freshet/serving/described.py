"""What OpenAPI says of bodies, parameters and errors: taken from the very types that handlers read them into."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec
from litestar.openapi.spec import Operation

from freshet.serving.posted import Event
from freshet.serving.problems import Problem
from freshet.serving.questions import EXPLAINED, FILTERS, IN_QUERY, Question

WRONG: Final = {"422": "a field or parameter is wrong or unknown: which, what, how to send it"}
AWAY: Final = {"503": "not now: nothing has been released yet, too much waits, a part is missing; with the reason"}


@dataclass
class Described(Operation):
    """An operation that names every status it answers with."""

    answers: ClassVar[Mapping[str, str]] = {}

    def to_schema(self) -> dict[str, Any]:
        """With the errors."""
        operation = super().to_schema()
        problem = {"application/json": {"schema": schema_of(Problem)}}
        errors = {status: {"description": text, "content": problem} for status, text in self.answers.items()}
        return {**operation, "responses": {**errors, **_without_400(operation["responses"])}}


@dataclass
class PostsEvents(Described):
    """One event, or a list of them."""

    answers: ClassVar[Mapping[str, str]] = {
        "400": "the body is no JSON: what is wrong, and at which byte",
        "413": "more than 1,000 events or 1 MiB",
        "503": "not now: too much waits, or the disk is not there",
        "507": "the disk is full: nothing was kept; questions are answered still",
    }

    def to_schema(self) -> dict[str, Any]:
        """With the body, and the other statuses of a receipt."""
        operation, one = super().to_schema(), schema_of(Event)
        kept = operation["responses"]["202"]
        texts = {
            "200": "all were here before",
            "207": "some refused or in conflict with an earlier event of their id, the others kept",
            "409": "all in conflict: other events with these ids were here before",
            "422": "none was kept",
        }
        receipts = {status: {**kept, "description": text} for status, text in texts.items()}
        body = _body({"oneOf": [one, {"type": "array", "items": one}]})
        return {**operation, "responses": {**operation["responses"], **receipts}, "requestBody": body}


@dataclass
class PostsQuestion(Described):
    """A question as JSON."""

    answers: ClassVar[Mapping[str, str]] = {"400": "the body is no JSON", "413": "more than 1 MiB", **WRONG, **AWAY}

    def to_schema(self) -> dict[str, Any]:
        """With the body."""
        return {**super().to_schema(), "requestBody": _body(schema_of(Question))}


@dataclass
class AsksQuestion(Described):
    """A question as a query string."""

    answers: ClassVar[Mapping[str, str]] = {**WRONG, **AWAY}

    def to_schema(self) -> dict[str, Any]:
        """With the parameters."""
        return _with_parameters(super().to_schema(), IN_QUERY)


@dataclass
class AsksWithFilters(Described):
    """What may be shown, as a query string; nobody asks."""

    answers: ClassVar[Mapping[str, str]] = {"404": "the release does not know the item or category", **WRONG, **AWAY}

    def to_schema(self) -> dict[str, Any]:
        """With the parameters."""
        return _with_parameters(super().to_schema(), FILTERS)


@dataclass
class AsksWhy(Described):
    """Whose list it is, as a query string; k: events of the answer."""

    answers: ClassVar[Mapping[str, str]] = {"404": "the release does not know the item", **WRONG, **AWAY}

    def to_schema(self) -> dict[str, Any]:
        """With the parameters."""
        return _with_parameters(super().to_schema(), EXPLAINED)


def schema_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Its JSON schema, without references."""
    (root,), components = msgspec.json.schema_components([struct], ref_template="{name}")
    inlined: dict[str, Any] = _inlined(root, components)
    return inlined


def _inlined(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(part, components) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(components[node["$ref"]], components)
    return {name: _inlined(part, components) for name, part in node.items()}


def _without_400(responses: dict[str, Any]) -> dict[str, Any]:
    """The framework says 400 for parameters; here that is 422."""
    return {status: response for status, response in responses.items() if status != "400"}


def _with_parameters(operation: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    fields = {name: field for name, field in schema_of(Question)["properties"].items() if name in set(names)}
    asked = [
        {"name": name, "in": "query", "required": False, "description": field.get("description", ""), "schema": field}
        for name, field in fields.items()
    ]
    return {**operation, "parameters": [*operation.get("parameters", []), *asked]}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}
