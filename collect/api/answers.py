"""Every answer: off the event loop, in the asker's language with trouble as data (RFC 9457), ETags (RFC 9110)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from babel import negotiate_locale
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from collect.i18n import LANGUAGES, t
from collect.problems import CollectError

Answer = Callable[[Request, str], Response]
STATUS = {
    "ACC-01": 403, "ACC-05": 401, "ACC-08": 401, "ACC-09": 404, "STO-04": 404, "ACC-11": 404, "ACC-16": 405,
    "PUB-07": 404, "PUB-08": 404,
}  # fmt: skip
READING = ("GET", "HEAD")
METHODS = [*READING, "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]  # all are answered, so that a refusal is told as data


def endpoint(answer: Answer, default: str) -> Callable[[Request], Awaitable[Response]]:
    """Make a route of a plain function: it runs in a thread, and a reason to stop becomes a problem answer."""

    async def answered(request: Request) -> Response:
        lang = language(request, default)
        if request.method not in READING:
            return problem(CollectError("ACC-16", method=request.method), lang)
        try:
            return await run_in_threadpool(answer, request, lang)
        except CollectError as error:
            return problem(error, lang)

    return answered


def language(request: Request, default: str) -> str:
    """The asker's language: ``?lang=`` first, then Accept-Language by its weights, then the installation's."""
    asked = request.query_params.get("lang")
    if asked is not None and asked in LANGUAGES:
        return asked
    wishes = [_wish(part) for part in request.headers.get("accept-language", "").split(",") if part.strip()]
    names = [name for name, weight in sorted(wishes, key=lambda wish: -wish[1]) if weight > 0]
    wished = negotiate_locale(names, list(LANGUAGES), sep="-")
    return str(wished or (default if default in LANGUAGES else "vi"))


def _wish(part: str) -> tuple[str, float]:
    name, _, weight = part.strip().partition(";q=")
    try:
        return name.strip(), float(weight or 1)
    except ValueError:
        return name.strip(), 0.0


def problem(error: CollectError, lang: str) -> Response:
    """What was found and what to do, as RFC 9457 tells it; values are codes and counts, never answers."""
    status = STATUS.get(error.code, 500)
    body = {
        "type": f"about:blank#{error.code}",
        "code": error.code,
        "status": status,
        "title": t(f"{error.code}.found", lang, **error.values),
        "detail": t(f"{error.code}.mend", lang, **error.values),
    }
    headers = {"Content-Language": lang, "Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="phu"' + (
            ', error="invalid_token"' if error.code == "ACC-05" else ""
        )
    if status == 405:
        headers["Allow"] = ", ".join(READING)
    return JSONResponse(body, status_code=status, headers=headers, media_type="application/problem+json")


def etag(body: bytes) -> str:
    """A name for these very bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def unchanged(request: Request, answer: Response) -> Response:
    """The answer, or 304 with no body where the asker holds it already."""
    held = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if answer.headers["etag"] not in held and "*" not in held:
        return answer
    kept = {name: answer.headers[name] for name in ("etag", "cache-control", "vary") if name in answer.headers}
    return Response(status_code=304, headers=kept)
