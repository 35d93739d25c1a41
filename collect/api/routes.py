"""The addresses below /api/v1: which function answers what, and whom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from collect import __version__
from collect.access import LOCAL, Forbidden, Who, from_here
from collect.api.answers import METHODS, Answer, endpoint, etag, unchanged
from collect.api.description import described
from collect.i18n import LANGUAGES
from collect.problems import CollectError
from collect.settings import Settings
from collect.sharing import partners, releases
from collect.sharing.health import damaged
from collect.store import Store, open_store

PREFIX = "/api/v1"
FOR_EVER = "private, immutable, max-age=31536000"
ASK_AGAIN = "private, no-cache"


class Desk:
    """What the routes stand on: the settings, the store opened at the first question, and who counts as local."""

    def __init__(self, settings: Settings, local: bool) -> None:
        self.settings = settings
        self.local = local
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        """The data folder with its registry."""
        if self._store is None:
            self._store = open_store(self.settings)
        return self._store

    def who(self, request: Request) -> Who:
        """Who asks: the partner of the token shown, or this machine's own user. Raises Forbidden."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind:
            if kind.lower() != "bearer":
                raise Forbidden("ACC-05")
            return partners.recognise(self.store.engine, secret.strip())
        if self.local and from_here(request.headers):
            return LOCAL
        raise Forbidden("ACC-08")


def routes(settings: Settings, local: bool) -> list[BaseRoute]:
    """Every address of the interface. ``local``: whoever asks is the administrator of this machine, no token needed."""
    desk = Desk(settings, local)
    answers: Mapping[str, Answer] = {
        "/health": partial(health, desk),
        "/openapi.json": partial(openapi, desk),
        "/releases.json": partial(releases_list, desk),
        **{f"/{name}": partial(file, desk, name) for name in releases.TYPES},
        **{f"/releases/{{release}}/{name}": partial(file, desk, name) for name in releases.TYPES},
        "/{nothing:path}": nothing,
    }
    default = settings.language
    return [Route(f"{PREFIX}{path}", endpoint(answer, default), methods=METHODS) for path, answer in answers.items()]


def health(desk: Desk, _request: Request, _lang: str) -> Response:
    """Whether everything stored can be read; asked by whoever watches the server, so it tells codes and nothing else.

    What is damaged leaves the rest working, so the answer is 200 all the same: ``degraded``, and what is wrong.
    """
    wrong = damaged(desk.store)
    said = {"status": "degraded" if wrong else "ok", "version": __version__, "damaged": wrong}
    return JSONResponse(said, headers={"Cache-Control": "no-store"})


def openapi(desk: Desk, request: Request, lang: str) -> Response:
    """The interface described for programs."""
    return JSONResponse(described(lang, str(request.base_url).rstrip("/") + PREFIX), headers=_headers(lang, ASK_AGAIN))


def releases_list(desk: Desk, request: Request, lang: str) -> Response:
    """Every release the asker may have, with the addresses of its files, each in the asker's language."""
    base = str(request.base_url).rstrip("/") + PREFIX
    asked = {name: f"{name}?lang={lang}" if name in releases.SPOKEN else name for name in releases.TYPES}
    found = [
        {**one, "files": {name: f"{base}/releases/{one['release']}/{asked[name]}" for name in one["files"]}}
        for one in releases.listed(desk.store, desk.who(request))
    ]
    answer = JSONResponse({"releases": found})
    answer.headers.update(_headers(lang, ASK_AGAIN) | {"ETag": etag(bytes(answer.body))})
    return unchanged(request, answer)


def file(desk: Desk, name: str, request: Request, lang: str) -> Response:
    """A file of the latest release, or for ever the same of the one that the address names.

    A release's file has an address in each language that it speaks; one without leads to that of the asker's.
    """
    who = desk.who(request)
    release = request.path_params.get("release")
    if release is not None and name in releases.SPOKEN and request.query_params.get("lang") not in LANGUAGES:
        there = str(request.url.include_query_params(lang=lang))
        return RedirectResponse(there, headers={**_headers(lang, "no-store")})
    found = releases.file_of(desk.store, who, name, lang, release)
    headers = _headers(lang, ASK_AGAIN if release is None else FOR_EVER)
    headers |= {"ETag": f'"{found.sha256[:32]}"', "X-Release": found.release}
    answer = unchanged(request, FileResponse(found.path, headers=headers, media_type=releases.TYPES[name]))
    if answer.status_code == 200:
        answer.headers["Content-Disposition"] = f'attachment; filename="{found.release}_{name}"'
        if request.method == "GET":
            releases.hand_out(desk.store, who, found, "api")
    return answer


def nothing(_request: Request, _lang: str) -> Response:
    """No such address here: said as data, where the pages' own fallback would send a page."""
    raise CollectError("ACC-09", known="/api/v1/openapi.json")


def _headers(lang: str, keep: str) -> dict[str, str]:
    return {"Cache-Control": keep, "Vary": "Authorization, Accept-Language", "Content-Language": lang}
