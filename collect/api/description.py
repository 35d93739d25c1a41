"""The interface in OpenAPI 3.1, for programs and for the tools that read it; its sentences in the asker's language."""

from __future__ import annotations

from typing import Any

from collect import __version__
from collect.i18n import t
from collect.sharing.releases import SPOKEN, TYPES

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
JSON = "application/json"


def described(lang: str, address: str) -> dict[str, Any]:
    """The whole description; ``address`` is where the interface was asked for it."""
    files = {f"/{name}": _file(name, kind, lang, []) for name, kind in TYPES.items()}
    release = {"name": "release", "in": "path", "required": True, "schema": {"type": "string"}}
    kept = {f"/releases/{{release}}/{name}": _file(name, kind, lang, [release]) for name, kind in TYPES.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": t("api.title", lang), "description": t("api.about", lang), "version": __version__},
        "servers": [{"url": address}],
        "security": [{"token": []}],
        "paths": {
            "/health": {
                "get": _told("health", lang, {"200": _answer("api.ok", lang, JSON, "Health")}) | {"security": []}
            },
            "/openapi.json": {"get": _told("openapi", lang, {"200": _answer("api.ok", lang, JSON)}) | {"security": []}},
            "/releases.json": {"get": _told("releases", lang, _answers(lang, JSON, "Releases"))},
            **files,
            **kept,
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": t("api.token", lang)},
            },
            "schemas": {"Problem": _problem(), "Releases": _releases(), "Health": _health()},
        },
    }


def _file(name: str, kind: str, lang: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    what = {"communes.geojson": "outlines", "gaps.geo.parquet": "gaps.outlined"}.get(name, "gaps")
    asked = {"name": "lang", "in": "query", "schema": {"type": "string", "enum": ["vi", "km", "en"]}}
    answers = _answers(lang, kind.partition(";")[0])
    missing = "ACC-11.mend" if parameters else "STO-04.found"
    answers["404"] = {"description": t(missing, lang), "content": PROBLEM}
    if what == "gaps.outlined":
        answers["404"]["description"] += " " + t("PUB-07.found", lang)
    if parameters and name in SPOKEN:
        answers["307"] = {"description": t("api.language", lang)}
    return {"get": _told(what, lang, answers) | {"parameters": [*parameters, asked]}}


def _told(what: str, lang: str, answers: dict[str, Any]) -> dict[str, Any]:
    return {"summary": t(f"api.{what}", lang), "responses": answers}


def _answers(lang: str, kind: str, schema: str = "") -> dict[str, Any]:
    return {
        "200": _answer("api.ok", lang, kind, schema),
        "304": {"description": t("api.unchanged", lang)},
        "401": {"description": t("ACC-05.found", lang), "content": PROBLEM},
        "403": {"description": t("ACC-01.found", lang), "content": PROBLEM},
        "405": {"description": t("ACC-16.mend", lang), "content": PROBLEM},
        "500": {"description": t("api.damaged", lang), "content": PROBLEM},
    }


def _answer(words: str, lang: str, kind: str, schema: str = "") -> dict[str, Any]:
    body = {"schema": {"$ref": f"#/components/schemas/{schema}"}} if schema else {}
    named = ("ETag", "X-Release") if kind != JSON else ("ETag",) if schema == "Releases" else ()
    headers = {name: {"schema": {"type": "string"}} for name in named}
    return {"description": t(words, lang), "content": {kind: body}, "headers": headers}


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["type", "code", "status", "title", "detail"],
        "properties": {"type": text, "code": text, "status": {"type": "integer"}, "title": text, "detail": text},
    }


def _releases() -> dict[str, Any]:
    text = {"type": "string"}
    one = {
        "type": "object",
        "properties": {
            **dict.fromkeys(("release", "vintage"), text),
            "as_of": {"type": "string", "format": "date"},
            "made_at": {"type": "string", "format": "date-time"},
            "latest": {"type": "boolean"},
            "files": {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}},
        },
    }
    return {"type": "object", "properties": {"releases": {"type": "array", "items": one}}}


def _health() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["status", "version", "damaged"],
        "properties": {
            "status": {"type": "string", "enum": ["ok", "degraded"]},
            "version": {"type": "string"},
            "damaged": {"type": "array", "items": {"type": "string"}},
        },
    }
