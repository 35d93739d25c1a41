"""The addresses below /api/v1: which function answers what."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from collect import __version__
from collect.settings import Settings


def routes(settings: Settings, local: bool) -> list[BaseRoute]:
    """Every address of the interface. ``local``: whoever asks is the administrator of this machine, no token needed."""

    async def health(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "version": __version__})

    return [Route("/api/v1/health", health, methods=["GET", "HEAD"])]
