"""The organization as one JSON document and back, exactly: how its versions are stored."""

import json

from pydantic import JsonValue

from orgs.specification.organization import Organization


def to_document(organization: Organization) -> dict[str, JsonValue]:
    """Every field written out, so that a default changed later does not change what was applied."""
    document: dict[str, JsonValue] = organization.model_dump(mode="json", by_alias=True)
    return document


def from_document(document: dict[str, JsonValue]) -> Organization:
    """The inverse of `to_document`. Raises pydantic.ValidationError for anything it did not write."""
    # By way of JSON text, because only there a strict tuple may be an array and a strict enum a word.
    return Organization.model_validate_json(json.dumps(document))
