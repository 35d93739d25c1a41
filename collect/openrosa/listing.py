"""The forms a phone may fetch: the list, each form's XML, the list of its files, and the files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from collect.forms import Form
from collect.openrosa.desk import Desk, closed_forms
from collect.openrosa.media import file_of, names_of
from collect.openrosa.people import Person
from collect.openrosa.replies import XML, Refused

LIST = "http://openrosa.org/xforms/xformsList"
MANIFEST = "http://openrosa.org/xforms/xformsManifest"


async def form_list(desk: Desk, request: Request) -> Response:
    """Every form this sender may fill in, or the one that ``formID`` names; ``listAllVersions`` those before, too."""

    def answer() -> Response:
        person = desk.credentials.who(request)
        one, every = request.query_params.get("formID"), "listAllVersions" in request.query_params
        forms = [form for form in _open_to(desk, person) if one in (None, form.form_id)]
        entries = "".join(_entry(request, version) for form in forms for version in _versions(form, every))
        return Response(f'<xforms xmlns="{LIST}">{entries}</xforms>', media_type=XML)

    return await run_in_threadpool(answer)


async def form_xml(desk: Desk, request: Request) -> Response:
    """One form, in the version that ``version`` names."""
    form = await run_in_threadpool(_asked, desk, request)
    return Response(form.xform, media_type=XML)


async def manifest(desk: Desk, request: Request) -> Response:
    """The files of one form with their hashes."""

    def answer() -> Response:
        form = _asked(desk, request)
        found = [(name, file_of(desk.store, form, name)) for name in names_of(form)]
        files = "".join(
            f"<mediaFile><filename>{escape(name)}</filename><hash>{md5(data)}</hash>"
            f"<downloadUrl>{escape(_address(request, form, f'media/{quote(name)}'))}</downloadUrl></mediaFile>"
            for name, data in found
            if data is not None
        )
        return Response(f'<manifest xmlns="{MANIFEST}">{files}</manifest>', media_type=XML)

    return await run_in_threadpool(answer)


async def media(desk: Desk, request: Request) -> Response:
    """One file of a form."""

    def answer() -> Response:
        data = file_of(desk.store, _asked(desk, request), request.path_params["name"])
        if data is None:
            raise Refused("ODK-14")
        return Response(data, media_type="application/octet-stream")

    return await run_in_threadpool(answer)


def md5(data: bytes) -> str:
    """A hash as the protocol writes it; it tells versions apart and protects nothing."""
    return f"md5:{hashlib.md5(data, usedforsecurity=False).hexdigest()}"


def _open_to(desk: Desk, person: Person) -> Sequence[Form]:
    closed = closed_forms(desk.engine)  # as of now: whoever opened a form looks at a phone next
    return [form for form in desk.definitions.forms if form.form_id not in closed and person.may_send(form.form_id)]


def _versions(form: Form, every: bool) -> Sequence[Form]:
    return (form, *form.older) if every else (form,)


def _asked(desk: Desk, request: Request) -> Form:
    person = desk.credentials.who(request)
    form = desk.form(request.path_params["form"])
    if form is None:
        raise Refused("ODK-06")
    if not person.may_send(form.form_id):
        raise Refused("ODK-05")
    version = request.query_params.get("version")
    found = form if version is None else form.of_version(version)
    if found is None:
        raise Refused("ODK-07")
    return found


def _entry(request: Request, form: Form) -> str:
    fields = {
        "formID": form.form_id,
        "name": form.title,
        "version": form.version,
        "hash": md5(form.xform),
        "downloadUrl": _address(request, form, "form.xml"),
    }
    if names_of(form):
        fields["manifestUrl"] = _address(request, form, "manifest")
    return f"<xform>{''.join(f'<{name}>{escape(value)}</{name}>' for name, value in fields.items())}</xform>"


def _address(request: Request, form: Form, what: str) -> str:
    """Where the phone finds something of a form: beside the address it asked, its token included."""
    token = request.path_params.get("token")
    begin = str(request.base_url).rstrip("/") + (f"/key/{token}" if token else "")
    return f"{begin}/xforms/{quote(form.form_id, safe='')}/{what}?{urlencode({'version': form.version})}"
