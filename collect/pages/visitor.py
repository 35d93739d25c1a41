"""Who sits before the screen: this machine's own user, or whoever the provider says has logged in."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from collect.access import (
    ANYBODY,
    LOCAL,
    Forbidden,
    Who,
    came_as,
    claims_from,
    from_here,
    is_loopback,
    is_own_name,
)
from collect.problems import CollectError
from collect.settings import Settings

Asked = ParamSpec("Asked")
JUST_AFTER = 0.5  # seconds
LONGEST_TIMER = 7 * 24 * 3600  # seconds; browsers count no further than 24 days, and a page is not open as long


def asks_who() -> bool:
    """Whether people log in: the secrets have an ``[auth]`` section.

    Raises CollectError ACC-04 for secrets that cannot be read: nobody is let in because of a slip of the pen.
    """
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError as error:
        if error.error_id == "no-secrets-found":
            return False
        raise CollectError("ACC-04") from error


def fragment(key: str | None = None) -> Callable[[Callable[Asked, None]], Callable[Asked, None]]:
    """`st.fragment` where people log in: what is drawn again by itself asks by itself whether the login still holds.

    Where that has ended the whole page is drawn again, which is the door. ``key``: as of `st.fragment`.
    """

    def decorated(draw: Callable[Asked, None]) -> Callable[Asked, None]:
        @st.fragment(key=key)
        @wraps(draw)
        def drawn(*args: Asked.args, **more: Asked.kwargs) -> None:
            who = st.session_state.get("who")
            if who is not None and who.until < time.time():
                st.rerun()
            draw(*args, **more)

        return drawn

    return decorated


def until_it_ends(who: Who) -> None:
    """Have the whole page drawn again, which is then the door, when this login ends: one timer, nothing asked before.

    What was on the screen does not outlive who may see it, though nobody touches the page.
    """
    left = who.until - time.time() + JUST_AFTER
    if left < LONGEST_TIMER:

        @st.fragment(run_every=max(left, JUST_AFTER))
        def ends() -> None:
            if who.until < time.time():
                st.rerun()

        ends()


def visitor(settings: Settings) -> Who:
    """Who this session belongs to, asked anew at every run of the script: a login may end while its page is open.

    Roles and scope are read from the provider's claims as the ``[access]`` section beside ``[auth]`` says.

    Raises
    ------
    Forbidden
        ACC-02 where nobody has logged in, ACC-10 where the login has expired.
    CollectError
        ACC-03 where the app listens to others and asks nobody, ACC-15 where somebody comes by a foreign name or
        through a proxy and nobody would be asked.
    """
    if not asks_who():
        return _unasked(settings)
    if not st.user.is_logged_in:
        raise Forbidden("ACC-02")
    who = claims_from(st.secrets.get("access", {})).who(st.user.to_dict())
    if who.until < time.time():
        raise Forbidden("ACC-10")
    return who


def _unasked(settings: Settings) -> Who:
    """Who comes in where nobody logs in."""
    address = listens_at()
    here = is_loopback(address)
    if not here and not settings.allow_anonymous:
        raise CollectError("ACC-03", address=address)
    headers = st.context.headers  # none at all where the script runs without a server
    if here and (not headers or from_here(headers)):
        return LOCAL
    if settings.allow_anonymous and (not headers or is_own_name(came_as(headers), own_names())):
        return ANYBODY
    raise CollectError("ACC-15", host=came_as(headers) or "–")


def listens_at() -> str:
    """The address this server answers at."""
    return str(st.get_option("server.address") or "0.0.0.0")  # noqa: S104  # what Streamlit does without an address


def own_names() -> list[str]:
    """The names this server answers to without asking who comes: the machine's, and those that the settings give."""
    machine = socket.gethostname()
    told = [st.get_option("browser.serverAddress"), st.get_option("server.address")]
    return [machine, f"{machine}.local", *filter(None, told), *st.get_option("server.allowedHosts")]
