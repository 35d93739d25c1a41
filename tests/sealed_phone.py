"""A phone that encrypts what it sends, as ODK's specification asks: for every test of encrypted submissions."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.padding import PKCS7
from shipped import version_of

SECRET = "a phrase that nobody writes down"
VERSION = version_of("household")
PLAIN = (
    f'<data id="household" version="{VERSION}"><consent>no</consent>'
    "<meta><instanceID>{name}</instanceID></meta></data>"
)


@dataclass
class Phone:
    """Encrypts as the specification asks phones to; ``mask`` is what clients differ in."""

    key: rsa.RSAPrivateKey
    mask: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)

    def for_key(self, data: bytes) -> str:
        padding = OAEP(MGF1(self.mask), hashes.SHA256(), None)
        return base64.b64encode(self.key.public_key().encrypt(data, padding)).decode()

    def envelope(self, number: int, photos: dict[str, bytes] | None = None) -> dict[str, bytes]:
        """The files of one submission: the envelope, the photos, the submission."""
        name, secret = f"uuid:{number:04d}", hashlib.sha256(str(number).encode()).digest()
        seed = bytearray(hashlib.md5(name.encode() + secret).digest())
        plain = PLAIN.format(name=name).encode()
        files, signed = {}, []
        for place, (file, data) in enumerate([*(photos or {}).items(), ("submission.xml", plain)]):
            seed[place % 16] = (seed[place % 16] + 1) % 256
            pad = PKCS7(128).padder()
            cipher = Cipher(AES(secret), CFB(bytes(seed))).encryptor()
            files[f"{file}.enc"] = cipher.update(pad.update(data) + pad.finalize()) + cipher.finalize()
            signed.append(f"{file}::{hashlib.md5(data).hexdigest()}")
        wrapped = self.for_key(secret)
        lines = "".join(f"{line}\n" for line in ("household", VERSION, wrapped, name, *signed))
        media = "".join(f"<media><file>{file}.enc</file></media>" for file in photos or {})
        files["submission.xml"] = (
            f'<data id="household" version="{VERSION}" encrypted="yes" xmlns="http://opendatakit.org/submissions">'
            f"<base64EncryptedKey>{wrapped}</base64EncryptedKey>"
            f'<orx:meta xmlns:orx="http://openrosa.org/xforms"><orx:instanceID>{name}</orx:instanceID></orx:meta>'
            f"{media}<encryptedXmlFile>submission.xml.enc</encryptedXmlFile><base64EncryptedElementSignature>"
            f"{self.for_key(hashlib.md5(lines.encode()).digest())}</base64EncryptedElementSignature></data>"
        ).encode()
        return files


def pem(key: rsa.RSAPrivateKey, path: Path, passphrase: str = "") -> Path:
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
    return path


def zipped(path: Path, submissions: dict[str, dict[str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for folder, files in submissions.items():
            for name, data in files.items():
                archive.writestr(f"{folder}/{name}", data)
    return path
