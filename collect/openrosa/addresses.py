"""The addresses a phone asks, with a name and password or below an address of its own that holds its token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from collect.openrosa.desk import Desk
from collect.openrosa.replies import headers_for, trouble
from collect.openrosa.submission import ready, submit
from collect.problems import CollectError
from collect.settings import Settings

Answer = Callable[[Request], Awaitable[Response]]
PREFIXES = ("", "/key/{token}")


def routes(settings: Settings) -> list[BaseRoute]:
    """Every address, with a login and below a token."""
    desk = Desk(settings)
    limit = settings.limits.submission_megabytes << 20
    answers: list[tuple[str, str, Answer]] = [
        ("/submission", "HEAD", partial(ready, desk)),
        ("/submission", "POST", partial(submit, desk, limit)),
    ]
    return [
        Route(prefix + path, _answered(answer, settings.language, limit), methods=[method])
        for prefix in PREFIXES
        for path, method, answer in answers
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
