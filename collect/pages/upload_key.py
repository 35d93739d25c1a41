"""The project's private key for encrypted submissions: given on the page, held while it is open, kept nowhere."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
import streamlit as st
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from collect.i18n import t
from collect.pages.issues import error_words
from collect.pages.words import as_text
from collect.problems import CollectError
from collect.receive.sealed import private_key

if TYPE_CHECKING:
    from collect.intake import Receipt

NO_KEY, ANOTHER = "IN-16", "IN-32"  # nothing in it opens
STAYED_CLOSED = "FIL-03"  # some of it did not
LOCKED = b"ENCRYPTED"
LONGEST = 1 << 16  # bytes; a key of 16,384 bits has 13,000


def wanted(sealed: bool, receipt: Receipt | None, error: CollectError | None) -> bool:
    """Whether a file holds submissions that a key would open."""
    if error is not None:
        reasons: Any = error.values.get("reasons", ())
        return sealed and not {error.code, *(one["code"] for one in reasons)}.isdisjoint((NO_KEY, ANOTHER))
    parts = receipt.parts if receipt is not None else ()
    return sealed and any((pl.Series(part.issues["code"]) == STAYED_CLOSED).any() for part in parts)


def given(turn: int) -> tuple[RSAPrivateKey | None, CollectError | None]:
    """The key that was given for the files on the page, or why it is none; ``turn`` numbers the drop zone."""
    pem = _pem(turn)
    phrase = st.session_state.get(f"key-phrase-{turn}") or None
    if not pem or (LOCKED in pem and phrase is None):
        return None, None
    try:
        return private_key(pem, phrase, "PEM"), None
    except CollectError as error:
        return None, error


def fingerprint(key: RSAPrivateKey | None) -> str:
    """What tells one key from another and lets nobody open anything."""
    if key is None:
        return ""
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()


def ask(turn: int, files: Sequence[str], key: RSAPrivateKey | None, error: CollectError | None, lang: str) -> None:
    """Ask for the key of ``files``; the answer checks them again."""
    with st.container(border=True):
        if files:
            st.markdown(f"**{t('upload.key', lang, files=', '.join(as_text(one) for one in files))}**")
        st.caption(t("upload.key.about", lang), width="stretch")
        left, right = st.columns(2)
        with left.container(key="files-key"):
            st.file_uploader(t("upload.key.file", lang), key=f"key-file-{turn}", type=["pem", "key", "txt"])
        right.text_area(t("upload.key.paste", lang), key=f"key-text-{turn}", max_chars=LONGEST, height=96)
        if LOCKED in _pem(turn):
            st.text_input(t("upload.key.phrase", lang), key=f"key-phrase-{turn}", type="password", width=360)
        if error is not None:
            found, mend = error_words(error, lang)
            st.error(f"{found} **{mend}**", icon=":material/key_off:")
        elif key is not None and not files:
            st.success(t("upload.key.opens", lang), icon=":material/key:")


def _pem(turn: int) -> bytes:
    file: Any = st.session_state.get(f"key-file-{turn}")
    text = str(st.session_state.get(f"key-text-{turn}") or "").strip()
    return file.getvalue()[:LONGEST] if file is not None else text.encode()
