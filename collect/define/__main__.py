"""``python -m collect.define forms/household`` writes the form's form.xlsx again from its form.md."""

from __future__ import annotations

import sys
from pathlib import Path

from collect.define.twin import write_form

for folder in sys.argv[1:]:
    sys.stdout.write(f"{write_form(Path(folder))}\n")
