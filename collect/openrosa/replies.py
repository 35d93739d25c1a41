"""What phones are answered: a status, OpenRosa's headers, and in the phone's language what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from collect.api.answers import language
from collect.i18n import t
from collect.problems import CollectError

VERSION = "1.0"
NAMESPACE = "http://openrosa.org/http/response"
XML = "text/xml; charset=utf-8"

STATUS: Mapping[str, int] = {  # ODK Central's answers
    "ODK-01": 400,  # no X-OpenRosa-Version: 1.0
    "ODK-02": 400,  # no xml_submission_file, or several
    "ODK-03": 400,  # no submission's XML
    "ODK-04": 401,  # who sends is not known
    "ODK-05": 403,  # may not send this form
    "ODK-06": 404,  # no such form
    "ODK-07": 404,  # no such version
    "ODK-08": 404,  # edits a submission nobody knows
    "ODK-09": 409,  # same id, other content
    "ODK-10": 409,  # edits what was edited meanwhile
    "ODK-11": 409,  # form closed
    "ODK-12": 413,  # too large
    "ODK-13": 429,  # too many attempts
    "ODK-15": 409,  # deleted here
    "ODK-14": 404,  # no such file of the form
}


class Refused(CollectError):  # noqa: N818 - an answer the protocol provides for, not a fault
    """A phone's request that is not granted: ODK-nn. ``headers`` go with the answer."""

    def __init__(self, code: str, headers: Mapping[str, str] | None = None, **values: object) -> None:
        self.headers = dict(headers or {})
        super().__init__(code, **values)


def headers_for(limit: int) -> dict[str, str]:
    """What every answer says: the protocol's version, and how much one request may carry, in bytes."""
    return {
        "X-OpenRosa-Version": VERSION,
        "X-OpenRosa-Accept-Content-Length": str(limit),
        "Cache-Control": "no-store",
    }


def said(request: Request, default: str, status: int, *keys: str, **values: object) -> Response:
    """An OpenRosaResponse with a sentence a key, which ODK Collect shows; ``nature`` as ODK Central gives it."""
    lang = language(request, default)
    nature = "submit_success" if status < 300 else "error"
    message = escape(" ".join(t(key, lang, **values) for key in keys))
    body = f'<OpenRosaResponse xmlns="{NAMESPACE}"><message nature="{nature}">{message}</message></OpenRosaResponse>'
    return Response(body, status, {"Content-Language": lang}, XML)


def trouble(request: Request, default: str, error: CollectError) -> Response:
    """The answer to a request that failed: 4xx for what the phone can mend, 503 for what it may send again later.

    What ails the server itself (folders, databases) is not told to phones.
    """
    status = STATUS.get(error.code, 503)
    if status == 503:
        answer = said(request, default, status, "odk.later", code=error.code)
    else:
        answer = said(request, default, status, f"{error.code}.found", f"{error.code}.mend", **error.values)
    if isinstance(error, Refused):
        answer.headers.update(error.headers)
    if status == 503:
        answer.headers["Retry-After"] = "60"
    return answer
