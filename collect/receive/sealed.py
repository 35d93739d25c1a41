"""Opens submissions that phones encrypted (ODK's form encryption) with the project's private key, which is never kept.

Each submission is an envelope: the AES key under the RSA key, the names of the encrypted files, and a signature over
what they say. RSA-OAEP with SHA-256; AES-256 in CFB with an initialisation vector that counts the files; MD5 as the
specification asks (https://getodk.github.io/xforms-spec/encryption).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.padding import PKCS7
from lxml import etree

from collect.problems import ExportError
from collect.receive.manner import USUAL, Manner
from collect.receive.sorting import bytes_of, is_photo, without_envelope
from collect.receive.submissions import CLOSED, SEALED, STAYS_CLOSED, UNSIGNED, local, parse, parser
from collect.receive.unpack import Member, Upload, unpacked

__all__ = ["STAYS_CLOSED", "KeyRing", "Keys", "holds_sealed", "needed_of", "private_key", "unsealed"]

ENVELOPE = b"encrypted="
DIGESTS = "media.md5"  # stands for photos that lie elsewhere: what a signature says of each, as md5sum writes it
INNER = "submission.xml"
BLOCK_BYTES = 16
PADDINGS = tuple(OAEP(MGF1(mask()), hashes.SHA256(), None) for mask in (hashes.SHA256, hashes.SHA1))


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Several keys of a project, used as one: each thing opens with the one it was encrypted for."""

    keys: tuple[RSAPrivateKey, ...]

    def decrypt(self, ciphertext: bytes, padding: OAEP) -> bytes:
        """What one of the keys makes of it. Raises ValueError when none does."""
        for key in self.keys:
            with suppress(ValueError):
                return key.decrypt(ciphertext, padding)
        raise ValueError


Keys = RSAPrivateKey | KeyRing


class NotOpenedError(Exception):
    """This envelope is for another key, or damaged."""

    code = "IN-32"


class DamagedError(NotOpenedError):
    """This key opens the envelope, but what it holds is damaged, or one of its files is missing."""

    code = "IN-37"


def private_key(pem: bytes, passphrase: str | None, file: str) -> RSAPrivateKey:
    """The key of a PEM file.

    Raises
    ------
    ExportError
        IN-33 when its passphrase is missing or wrong, IN-34 when it is no private RSA key.
    """
    locked = b"ENCRYPTED" in pem
    try:
        key = serialization.load_pem_private_key(pem, passphrase.encode() if passphrase and locked else None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ExportError("IN-33" if locked else "IN-34", file=file) from error
    if not isinstance(key, RSAPrivateKey):
        raise ExportError("IN-34", file=file)
    return key


def holds_sealed(path: Path) -> bool:
    """Whether an upload has encrypted files beside its submissions: told by names alone, nothing is opened."""
    if path.is_dir():
        return any(path.rglob(f"*{SEALED}"))
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(SEALED) for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


@contextmanager
def unsealed(path: Path, key: Keys | None, folder: Path, manner: Manner = USUAL) -> Iterator[Path]:
    """The upload with its envelopes opened in ``folder``, while the block lasts; itself where nothing is to open.

    An envelope that this key does not open stays in its place, and the reader says so.

    Raises
    ------
    ExportError
        IN-32 when none of its envelopes opens, IN-37 when this key fits and they are damaged; what `unpacked` raises.
    """
    if key is None or not holds_sealed(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix=".opened-", dir=folder) as place:
        opened = Path(place) / path.name
        with unpacked(path, manner) as upload, zipfile.ZipFile(opened, "w") as archive:
            opened_none, damaged = _open_all(upload, key, archive)
            if opened_none:
                raise ExportError("IN-37" if damaged else "IN-32", file=path.name)
        yield opened


def needed_of(data: bytes, files: Mapping[str, Path], key: Keys) -> dict[str, bytes] | None:
    """What must go beside one envelope so that it opens and its signature can be confirmed without its photos.

    Parameters
    ----------
    files
        The encrypted files that have arrived, by name.

    Returns
    -------
    dict
        By name: the encrypted answers, and `DIGESTS`. None where this key does not open them.
    """
    try:
        envelope = _envelope(parse(data, INNER, parser()))
        secret = _opened(envelope.key, key)
        vectors, digests = _vectors(envelope.instance_id, secret), dict[str, str]()
        for name, vector in zip(envelope.media, vectors, strict=False):
            with suppress(NotOpenedError, OSError, KeyError):  # one that never came, or is damaged: unconfirmed
                digests[name] = _md5(_decrypted(files[name].read_bytes(), secret, vector))
        content = files[envelope.content].read_bytes()
        _decrypted(content, secret, next(vectors))
    except (NotOpenedError, ExportError, KeyError, OSError):
        return None
    lines = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    return {envelope.content: content} | ({DIGESTS: lines.encode()} if lines else {})


def _open_all(upload: Upload, key: Keys, archive: zipfile.ZipFile) -> tuple[bool, bool]:
    """Write every submission in the clear: whether no envelope opened, and whether one was damaged.

    Photos are no answers; whatever else lies there goes along, for the reader to read or to tell.
    """
    members, how, opened, damaged = {member.name: member for member in upload.members}, parser(), 0, False
    for member in _beside_envelopes(upload.members):
        archive.writestr(zipfile.ZipInfo(member.name), bytes_of(member))
    for member in upload.members:
        if member.suffix != ".xml":
            continue
        data = bytes_of(member)
        if ENVELOPE in data:
            with suppress(ExportError):  # no XML: the reader will say so
                root = parse(data, member.name, how)
                try:
                    data = _clear(root, member, members, key)
                    opened += 1
                except NotOpenedError as error:  # it stays closed: the reader will say which it was
                    damaged |= isinstance(error, DamagedError)
                    root.set(CLOSED, error.code)
                    data = etree.tostring(root, encoding="utf-8", xml_declaration=True)
        archive.writestr(zipfile.ZipInfo(member.name), data)
    return not opened, damaged


def _beside_envelopes(members: Sequence[Member]) -> Iterator[Member]:
    """What is neither XML, nor a photo, nor an encrypted file that an envelope names."""
    yield from without_envelope(members)
    yield from (one for one in members if one.suffix not in (".xml", SEALED) and not is_photo(one))


@dataclass(frozen=True, slots=True)
class _Envelope:
    form_id: str
    version: str | None
    instance_id: str
    key: str  # base64, as it stands: it is signed
    media: tuple[str, ...]
    content: str
    signature: str


def _clear(root: etree._Element, member: Member, members: Mapping[str, Member], key: Keys) -> bytes:
    """The submission inside an envelope, marked where its signature does not bear it out."""
    envelope = _envelope(root)
    folder = member.name[: len(member.name) - len(member.base)]
    secret = _opened(envelope.key, key)
    vectors = _vectors(envelope.instance_id, secret)
    digests = _digests_in(members.get(folder + DIGESTS))
    for name, vector in zip(envelope.media, vectors, strict=False):
        if file := members.get(folder + name):
            with suppress(DamagedError):  # a photo: the answers are read, and unconfirmed
                digests[name] = _md5(_decrypted(file.read(), secret, vector))
    sealed = members.get(folder + envelope.content)
    if sealed is None:
        raise DamagedError
    data = _decrypted(sealed.read(), secret, next(vectors))
    if digests.keys() >= set(envelope.media):  # without every file nobody can say what was signed
        lines = [f"{name.removesuffix(SEALED)}::{digests[name]}" for name in envelope.media]
        if _is_signed(envelope, [*lines, f"{INNER}::{_md5(data)}"], key):
            return data
    try:
        inner = parse(data, member.name, parser())
    except ExportError as error:
        raise DamagedError from error
    inner.set(UNSIGNED, "yes")
    return etree.tostring(inner, encoding="utf-8", xml_declaration=True)


def _digests_in(member: Member | None) -> dict[str, str]:
    """What `needed_of` wrote of photos, by name."""
    lines = [] if member is None else member.read().decode(errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _envelope(root: etree._Element) -> _Envelope:
    texts: dict[str, list[str]] = {}
    for element in root.iter():
        texts.setdefault(local(element.tag), []).append((element.text or "").strip())

    def first(name: str) -> str:
        return next(iter(texts.get(name, ())), "")

    found = _Envelope(
        form_id=root.get("id", ""),
        version=root.get("version"),
        instance_id=first("instanceID") or root.get("instanceID", ""),
        key=first("base64EncryptedKey"),
        media=tuple(name for name in texts.get("file", ()) if name),
        content=first("encryptedXmlFile"),
        signature=first("base64EncryptedElementSignature"),
    )
    if not (found.key and found.content):
        raise NotOpenedError
    return found


def _opened(text: str, key: Keys) -> bytes:
    """What was encrypted for this key; older clients mask with SHA-1."""
    for padding in PADDINGS:
        try:
            return key.decrypt(base64.b64decode(text), padding)
        except (ValueError, binascii.Error):
            continue
    raise NotOpenedError


def _vectors(instance_id: str, secret: bytes) -> Iterator[bytes]:
    """One initialisation vector a file: the next byte of the seed counts up each time."""
    seed = bytearray(hashlib.md5(instance_id.encode() + secret, usedforsecurity=False).digest())
    number = 0
    while True:
        seed[number % BLOCK_BYTES] = (seed[number % BLOCK_BYTES] + 1) % 256
        number += 1
        yield bytes(seed)


def _decrypted(data: bytes, secret: bytes, vector: bytes) -> bytes:
    try:
        plain = Cipher(AES(secret), CFB(vector)).decryptor()
        padded = plain.update(data) + plain.finalize()
        unpadder = PKCS7(BLOCK_BYTES * 8).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise DamagedError from error


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _is_signed(envelope: _Envelope, digests: list[str], key: Keys) -> bool:
    """Whether the signature is the MD5 of what the envelope and its files say, line by line."""
    head = [envelope.form_id, *([envelope.version] if envelope.version is not None else [])]
    said = "".join(f"{line}\n" for line in (*head, envelope.key, envelope.instance_id, *digests))
    try:
        return _opened(envelope.signature, key) == hashlib.md5(said.encode(), usedforsecurity=False).digest()
    except NotOpenedError:
        return False
