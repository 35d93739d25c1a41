"""Our own spreadsheet template: a form turned into sheets that an office can fill with any spreadsheet program.

Layout 1, the same in XLSX and CSV, recognised by its first cell and never by a file or sheet name:

====== ==========================================================================================================
row 1  the mark: ``phu:template`` | form_id | version | table path (``/data``, ``/data/roster/member``) | layout ``1``
       | language. Further cells are blank.
row 2  what each column asks, in the language of the template. For people; readers skip it.
row 3  the header: key columns, then questions as paths relative to the root (``house/electricity``,
       ``roster/member/age`` on the roster's sheet too).
row 4… answers, all text; a row with nothing in its question columns is not an answer.
====== ==========================================================================================================

*Key columns* are the only headers that begin with ``phu:``. The root sheet has ``phu:household``: a number or code the
office gives each household, unique in the file. A repeat's sheet has ``phu:household`` too (which household the row
belongs to), and ``phu:parent`` when the repeat lies inside another repeat, naming the ``phu:row`` of that row; a repeat
that holds repeats has ``phu:row``, unique within its household. Rows keep the order of the sheet.

*Cells.* Select one: the choice's name, or ``name | label`` as the drop-down list offers it (what stands before the first
``" | "`` is the answer). Select multiple and rank: names with a blank between. Date ``2025-07-31``, time ``14:05``, point
``latitude longitude altitude accuracy`` with blanks between. Programs may turn dates into date cells: readers accept both.

*Sheets of an XLSX*: one "read me" (three languages), one per table, ``lists`` with the choices. Readers take every sheet
whose A1 is ``phu:template`` and ignore the others. *CSV*: UTF-8 with a byte order mark, one file for a form without
repeats (``.csv``), else a zip (``.zip``) of one CSV per table, each with its own mark row.

Calculations, notes and files are left out, and so is metadata unless the design names it (the day of the interview):
such columns are absent, never blank columns that claim to have been asked.
"""

from __future__ import annotations

MARK = "phu:template"
LAYOUT = "1"
KEY_PREFIX = "phu:"
HOUSEHOLD, ROW, PARENT = "phu:household", "phu:row", "phu:parent"
LABEL_SEPARATOR = " | "  # a drop-down offers "name | label"; the name is the answer
HEADER_ROW = 3  # counted from 1
