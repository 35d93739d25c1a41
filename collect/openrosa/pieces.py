"""Photos and other files that come with submissions: each on disk, in its submission's folder, before it is told of.

A file's name begins with its SHA-256, so another file under the same name takes nothing away, and the folders alone
tell which file belongs to which submission.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from collect.keeping.attachments import FOLDER, folder_of, path_of
from collect.openrosa.door import Piece
from collect.store import CHUNK_BYTES, safe_name, sync_up


def keep_pieces(folder: Path, form: str, instance_id: str, files: Sequence[tuple[str, BinaryIO]]) -> tuple[Piece, ...]:
    """Write the files that came with a submission; come back when they and every folder above them are on disk."""
    if not files:
        return ()
    place = folder_of(folder, form, instance_id)
    place.mkdir(parents=True, exist_ok=True)
    kept = tuple(_keep(folder, (form, instance_id, safe_name(name)), file) for name, file in files)
    sync_up(place, folder)
    return kept


def _keep(folder: Path, key: tuple[str, str, str], file: BinaryIO) -> Piece:
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder / FOLDER, prefix=".incoming-", delete=False) as temporary:
        path = Path(temporary.name)
        try:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                temporary.write(chunk)
            temporary.flush()
            os.fsync(temporary.fileno())
            path.replace(path_of(folder, *key, digest.hexdigest()))
        finally:
            path.unlink(missing_ok=True)
    return Piece(key[2], digest.hexdigest(), size)
