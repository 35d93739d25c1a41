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

from collect.keeping.attachments import FOLDER, path_of
from collect.openrosa.door import Piece
from collect.store import CHUNK_BYTES, safe_name, sync


def keep_pieces(folder: Path, form: str, instance_id: str, files: Sequence[tuple[str, BinaryIO]]) -> tuple[Piece, ...]:
    """Write the files that came with a submission, synced with their folder; one that is there is not written again."""
    if not files:
        return ()
    waiting = folder / FOLDER
    waiting.mkdir(parents=True, exist_ok=True)
    kept, places = [], set()
    for name, file in files:
        piece, target = _keep(waiting, folder, (form, instance_id, safe_name(name)), file)
        kept.append(piece)
        places.add(target.parent)
    for place in places:
        for one in (place, place.parent, waiting, folder):
            sync(one)
    return tuple(kept)


def _keep(waiting: Path, folder: Path, key: tuple[str, str, str], file: BinaryIO) -> tuple[Piece, Path]:
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=waiting, prefix=".incoming-", delete=False) as temporary:
        path = Path(temporary.name)
        try:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                temporary.write(chunk)
            temporary.flush()
            os.fsync(temporary.fileno())
            target = path_of(folder, *key, digest.hexdigest())
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        finally:
            path.unlink(missing_ok=True)
    return Piece(key[2], digest.hexdigest(), size), target
