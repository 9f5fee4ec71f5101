"""What OpenAPI says of bodies, parameters and errors: taken from the very types that handlers read them into."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec
from litestar.openapi.spec import Operation

from freshet.serving.http.errors import Problem
from freshet.serving.http.event_schema import PostedEvent
from freshet.serving.http.recommendation_schema import (
    EXPLANATION_PARAMS,
    FILTER_PARAMS,
    QUERY_PARAMS,
    RecommendationRequest,
)

VALIDATION_RESPONSES: Final = {"422": "a field or parameter is wrong or unknown: which, what, how to send it"}
UNAVAILABLE_RESPONSES: Final = {
    "503": "not now: nothing has been released yet, too much waits, a part is missing; with the reason"
}


@dataclass
class DocumentedOperation(Operation):
    """An operation that names every status it answers with."""

    error_responses: ClassVar[Mapping[str, str]] = {}

    def to_schema(self) -> dict[str, Any]:
        """With the errors."""
        operation = super().to_schema()
        content = {"application/json": {"schema": json_schema(Problem)}}
        errors = {status: {"description": text, "content": content} for status, text in self.error_responses.items()}
        return {**operation, "responses": {**errors, **_without_400(operation["responses"])}}


@dataclass
class PostEventsOperation(DocumentedOperation):
    """One event, or a list of them."""

    error_responses: ClassVar[Mapping[str, str]] = {
        "400": "the body is no JSON: what is wrong, and at which byte",
        "413": "more than 1,000 events or 1 MiB",
        "503": "not now: too much waits, or the disk is not there",
        "507": "the disk is full: nothing was kept; questions are answered still",
    }

    def to_schema(self) -> dict[str, Any]:
        """With the body, and the other statuses of a receipt."""
        operation, event_schema = super().to_schema(), json_schema(PostedEvent)
        accepted_response = operation["responses"]["202"]
        descriptions = {
            "200": "all were here before",
            "207": "some refused or in conflict with an earlier event of their id, the others kept",
            "409": "all in conflict: other events with these ids were here before",
            "422": "none was kept",
        }
        receipt_responses = {
            status: {**accepted_response, "description": text} for status, text in descriptions.items()
        }
        body = _request_body({"oneOf": [event_schema, {"type": "array", "items": event_schema}]})
        return {**operation, "responses": {**operation["responses"], **receipt_responses}, "requestBody": body}


@dataclass
class PostRecommendationsOperation(DocumentedOperation):
    """A question as JSON."""

    error_responses: ClassVar[Mapping[str, str]] = {
        "400": "the body is no JSON",
        "413": "more than 1 MiB",
        **VALIDATION_RESPONSES,
        **UNAVAILABLE_RESPONSES,
    }

    def to_schema(self) -> dict[str, Any]:
        """With the body."""
        return {**super().to_schema(), "requestBody": _request_body(json_schema(RecommendationRequest))}


@dataclass
class GetRecommendationsOperation(DocumentedOperation):
    """A question as a query string."""

    error_responses: ClassVar[Mapping[str, str]] = {**VALIDATION_RESPONSES, **UNAVAILABLE_RESPONSES}

    def to_schema(self) -> dict[str, Any]:
        """With the parameters."""
        return _with_parameters(super().to_schema(), QUERY_PARAMS)


@dataclass
class FilteredListOperation(DocumentedOperation):
    """What may be shown, as a query string; nobody asks."""

    error_responses: ClassVar[Mapping[str, str]] = {
        "404": "the release does not know the item or category",
        **VALIDATION_RESPONSES,
        **UNAVAILABLE_RESPONSES,
    }

    def to_schema(self) -> dict[str, Any]:
        """With the parameters."""
        return _with_parameters(super().to_schema(), FILTER_PARAMS)


@dataclass
class ExplainOperation(DocumentedOperation):
    """Whose list it is, as a query string; k: events of the answer."""

    error_responses: ClassVar[Mapping[str, str]] = {
        "404": "the release does not know the item",
        **VALIDATION_RESPONSES,
        **UNAVAILABLE_RESPONSES,
    }

    def to_schema(self) -> dict[str, Any]:
        """With the parameters."""
        return _with_parameters(super().to_schema(), EXPLANATION_PARAMS)


def json_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Its JSON schema, without references."""
    (root,), components = msgspec.json.schema_components([struct], ref_template="{name}")
    inlined: dict[str, Any] = _inline_refs(root, components)
    return inlined


def _inline_refs(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline_refs(part, components) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inline_refs(components[node["$ref"]], components)
    return {name: _inline_refs(part, components) for name, part in node.items()}


def _without_400(responses: dict[str, Any]) -> dict[str, Any]:
    """The framework says 400 for parameters; here that is 422."""
    return {status: response for status, response in responses.items() if status != "400"}


def _with_parameters(operation: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    fields = {
        name: field for name, field in json_schema(RecommendationRequest)["properties"].items() if name in set(names)
    }
    parameters = [
        {"name": name, "in": "query", "required": False, "description": field.get("description", ""), "schema": field}
        for name, field in fields.items()
    ]
    return {**operation, "parameters": [*operation.get("parameters", []), *parameters]}


def _request_body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}
