"""The project's private keys for encrypted submissions: given on the page, held while it is open, kept nowhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from collect.i18n import t
from collect.pages.issues import error_words
from collect.pages.words import as_text, counted
from collect.problems import CollectError
from collect.receive.sealed import KeyRing, Keys, private_key

if TYPE_CHECKING:
    from collect.intake import Receipt

NO_KEY, ANOTHER = "IN-16", "IN-32"  # nothing in it opens
STAYED_CLOSED = "FIL-03"  # some of it did not, where its reason is one of these two
LOCKED = b"ENCRYPTED"
LONGEST = 1 << 16  # bytes; a key of 16,384 bits has 13,000
BLOCK = re.compile(rb"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.DOTALL)


def wanted(sealed: bool, receipt: Receipt | None, error: CollectError | None) -> bool:
    """Whether a file holds submissions that a key would open."""
    if error is not None:
        reasons: Any = error.values.get("reasons", ())
        return sealed and not {error.code, *(one["code"] for one in reasons)}.isdisjoint((NO_KEY, ANOTHER))
    unread = (part.issues.filter(code=STAYED_CLOSED)["details"] for part in (receipt.parts if receipt else ()))
    return sealed and any(json.loads(one)["reason"] in (NO_KEY, ANOTHER) for details in unread for one in details)


@dataclass(frozen=True, slots=True)
class Given:
    """The keys that were given for the files on the page, as one, and why others are none."""

    keys: Keys | None = field(default=None, repr=False)
    troubles: Sequence[CollectError] = ()

    @property
    def nothing(self) -> bool:
        """Whether nobody gave anything."""
        return self.keys is None and not self.troubles

    @property
    def number(self) -> int:
        """How many keys there are."""
        return len(self.keys.keys) if isinstance(self.keys, KeyRing) else int(self.keys is not None)


@dataclass(frozen=True, slots=True)
class _Pem:
    """One key as text, the file it stood in, and where its passphrase is asked for; "" where it has none."""

    data: bytes = field(repr=False)
    file: str
    phrase: str


def given(turn: int, lang: str) -> Given:
    """What was given so far; ``turn`` numbers the drop zone. A key that waits for its passphrase is not there yet."""
    keys, troubles = list[RSAPrivateKey](), list[CollectError]()
    for pem in _pems(turn, lang):
        phrase = (pem.phrase and st.session_state.get(pem.phrase)) or None
        if pem.phrase and phrase is None:
            continue
        try:
            keys.append(private_key(pem.data, phrase, pem.file))
        except CollectError as error:
            troubles.append(error)
    return Given(KeyRing(tuple(keys)) if len(keys) > 1 else next(iter(keys), None), troubles)


def fingerprint(keys: Keys | None) -> str:
    """What tells keys from others and lets nobody open anything."""
    several = keys.keys if isinstance(keys, KeyRing) else () if keys is None else (keys,)
    public = (
        one.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        for one in several
    )
    return " ".join(sorted(hashlib.sha256(one).hexdigest() for one in public))


def ask(turn: int, files: Sequence[str], found: Given, lang: str) -> None:
    """Ask for the keys of ``files``; the answer checks them again."""
    with st.container(border=True):
        if files:
            st.markdown(f"**{t('upload.key', lang, files=', '.join(as_text(one) for one in files))}**")
        st.caption(t("upload.key.about", lang), width="stretch")
        left, right = st.columns(2)
        with left.container(key="files-key"):
            st.file_uploader(
                t("upload.key.file", lang),
                key=f"key-file-{turn}",
                type=["pem", "key", "txt"],
                accept_multiple_files=True,
            )
        right.text_area(t("upload.key.paste", lang), key=f"key-text-{turn}", max_chars=LONGEST, height=96)
        pems = _pems(turn, lang)
        for pem in pems:
            words = t("upload.key.phrase", lang) + (f" ({as_text(pem.file)})" if len(pems) > 1 else "")
            if pem.phrase:
                st.text_input(words, key=pem.phrase, type="password", width=360)
        for error in found.troubles:
            said, mend = error_words(error, lang)
            st.error(f"{said} **{mend}**", icon=":material/key_off:")
        if found.number and not found.troubles and not files:
            st.success(counted("upload.key.opens", found.number, lang), icon=":material/key:")


def _pems(turn: int, lang: str) -> list[_Pem]:
    """Every key that was given once, the files first; text without any stands for itself, so that it is told."""
    files: Any = st.session_state.get(f"key-file-{turn}") or ()
    text = str(st.session_state.get(f"key-text-{turn}") or "").strip()
    texts = [(file.name, file.getvalue()[:LONGEST]) for file in files]
    texts += [(t("upload.key.pasted", lang), text.encode())] if text else []
    found = {one: file for file, data in texts for one in BLOCK.findall(data) or [data]}
    return [_Pem(one, file, _phrase(turn, one) if LOCKED in one else "") for one, file in found.items()]


def _phrase(turn: int, pem: bytes) -> str:
    """Where the passphrase of a key is asked for: by what the locked key is, so that keys may come in any order."""
    return f"key-phrase-{turn}-{hashlib.sha256(pem).hexdigest()[:8]}"
