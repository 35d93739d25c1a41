"""The addresses a phone asks, with a name and password or below an address of its own that holds its token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from collect.keeping.journal import FOLDER as JOURNAL
from collect.openrosa.desk import Desk
from collect.openrosa.listing import form_list, form_xml, manifest, media
from collect.openrosa.replies import headers_for, trouble
from collect.openrosa.submission import ready, submit
from collect.problems import CollectError
from collect.settings import Settings

Answer = Callable[[Request], Awaitable[Response]]
PREFIXES = ("", "/key/{token}")
AFTER_START_SECONDS = 10.0


def routes(settings: Settings) -> list[BaseRoute]:
    """Every address, with a login and below a token."""
    desk = Desk(settings)
    if (settings.data / JOURNAL).is_dir():
        desk.folding.soon(AFTER_START_SECONDS)  # what was sent before the server last stopped
    limit = settings.limits.submission_megabytes << 20
    answers: list[tuple[str, list[str], Answer]] = [
        ("/formList", ["GET", "HEAD"], partial(form_list, desk)),
        ("/submission", ["HEAD"], partial(ready, desk)),
        ("/submission", ["POST"], partial(submit, desk, limit)),
        ("/xforms/{form}/form.xml", ["GET"], partial(form_xml, desk)),
        ("/xforms/{form}/manifest", ["GET"], partial(manifest, desk)),
        ("/xforms/{form}/media/{name}", ["GET"], partial(media, desk)),
    ]
    return [
        Route(prefix + path, _answered(answer, settings.language, limit), methods=methods)
        for prefix in PREFIXES
        for path, methods, answer in answers
    ]


def _answered(answer: Answer, default: str, limit: int) -> Answer:
    """Give every answer the protocol's headers, and every reason to stop its status and its words."""

    async def answered(request: Request) -> Response:
        try:
            response = await answer(request)
        except CollectError as error:
            response = trouble(request, default, error)
        for name, value in headers_for(limit).items():
            response.headers.setdefault(name, value)
        return response

    return answered
