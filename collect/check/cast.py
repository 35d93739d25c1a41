"""Text becomes typed columns by the form's own bind types: what can be read one way only is repaired, the rest told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

import polars as pl

from collect.check import days, numbers
from collect.check.days import DAYS, Days, in_no_count
from collect.check.numbers import DOUBTFUL, NUMBERS, SIGNS, Figures
from collect.check.report import Report, said
from collect.check.sheets import Sheets
from collect.check.spelling import UNTOLD, Spelling
from collect.check.tidying import bare, bared
from collect.forms import Question

# What a good answer looks like: named in the message, the same in every language.
EXAMPLES: Mapping[str, str] = {
    "int": "12",
    "decimal": "12.5",
    "boolean": "true",
    "date": "2026-11-20",
    "time": "08:30:00.000+07:00",
    "dateTime": "2026-11-20T08:30:00.000+07:00",
    "geopoint": "9.9347 106.3453 0 5",
    "geotrace": "9.9347 106.3453 0 5; 9.9351 106.3460 0 5",
    "geoshape": "9.93 106.34 0 0; 9.94 106.34 0 0; 9.94 106.35 0 0; 9.93 106.34 0 0",
}
EXPONENT = r"^\s*[+-]?\d(?:[.,]\d+)?[Ee]\+\d{2,}\s*$"  # as spreadsheets show numbers of more digits than fit
KEPT_DIGITS = 15  # of a number: what spreadsheet programs keep, all others become 0
LONG = r"^\s*[1-9]\d{15,}\s*$"
ZEROS = r"^\s*[1-9]\d{14}0+\s*$"
LOST = rf"{EXPONENT}|{ZEROS}"
MANY_ZEROS = 3  # where spreadsheets drop digits, in all of a column's numbers together: once in a thousand by chance
TEXTS = ("string", "barcode")
ZONE = r"(Z|[+-]\d{2}(:?\d{2})?)?$"
CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)([.,]\d+)?)?"
NUMBER = r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"
COMMAS = r"^[+-]?\d+(,\d+)?\s+[+-]?\d+,\d+(\s+[+-]?\d+(,\d+)?){0,2}$"
POINT = rf"{NUMBER} {NUMBER}( {NUMBER}( {NUMBER})?)?"


def cast(sheets: Sheets, received_on: date | None = None, spelling: Spelling = UNTOLD) -> None:
    """Type every question of ``sheets``, and mark which cells were unreadable and which were repaired.

    An unreadable cell is null in the typed table. Nothing is reported yet: a cell that should not be there at all is
    reported as not relevant, once that is known. ``received_on`` and ``spelling``: see `collect.check.days` and
    `collect.check.numbers`.
    """
    usage = Days(sheets, received_on, spelling.dates), Figures(sheets, spelling.decimals)
    for repeat, text in sheets.text.items():
        questions = [q for q in sheets.form.questions_in(repeat) if q.type in READERS]
        typed = text.select(READERS[q.type](pl.col(q.path)).alias(q.path) for q in questions)
        given = text.select(pl.col(q.path).is_not_null() for q in questions)
        columns = []
        for question in questions:
            column = typed[question.path]
            suspect = given[question.path] & column.is_null()
            columns.append(_repaired(sheets, question, column, suspect, usage) if suspect.any() else column)
        sheets.typed[repeat] = text.with_columns(columns)


def report_types(sheets: Sheets, report: Report, spelling: Spelling = UNTOLD) -> None:
    """TYP-01 for what could not be read, TYP-02 for what was tidied, TYP-04 for choices whose zeros were put back.

    Only where the question was asked. ``spelling``: what was said is not asked again.
    """
    for question in sheets.form.questions:
        typed = sheets.typed[question.repeat][question.path]
        for code, marks, details in (
            ("TYP-01", sheets.unreadable, lambda one, values, _typed: _why(one, values, spelling)),
            ("TYP-02", sheets.repaired, _how),
            ("TYP-04", sheets.zeroed, lambda _one, _values, _typed: said()),
        ):
            if question.path in marks:
                text = sheets.text[question.repeat]
                marked = marks[question.path] & sheets.asked(question.path) & text[question.path].is_not_null()
                rows = text.filter(marked)
                values = rows[question.path]
                if rows.is_empty():  # what an export left out is unreadable and blank
                    continue
                report.rows(code, question.path, rows, values, details(question, values, typed.filter(marked)))
    _report_lost_digits(sheets, report)


def _report_lost_digits(sheets: Sheets, report: Report) -> None:
    """TYP-03 for text that a spreadsheet turned into "1.23457E+15", or into zeros from the sixteenth digit on."""
    for repeat, text in sheets.text.items():
        words = [question.path for question in sheets.form.questions_in(repeat) if question.type in TEXTS]
        found = text.select(pl.col(path).str.contains(LOST).any() for path in words)
        for path in words:
            if found[path].any():
                cells = text[path]
                lost = cells.str.contains(EXPONENT) | (cells.str.contains(ZEROS) & pl.lit(_cut_short(cells)))
                rows = text.filter(lost & sheets.asked(path))
                report.rows("TYP-03", path, rows, rows[path], said())


def _cut_short(cells: pl.Series) -> bool:
    """Whether all numbers of a column with more digits than a spreadsheet keeps end in zeros, beyond chance."""
    long = cells.filter(cells.str.contains(LONG).fill_null(False)).unique()
    zeros = (long.str.strip_chars().str.len_bytes() - KEPT_DIGITS).sum()
    return bool(long.str.contains(ZEROS).all()) and zeros >= MANY_ZEROS


def _repaired(
    sheets: Sheets, question: Question, column: pl.Series, suspect: pl.Series, usage: tuple[Days, Figures]
) -> pl.Series:
    path, (calendar, figures) = question.path, usage
    suspect = figures.doubtful(question, suspect)
    odd = sheets.text[question.repeat].select(path).filter(suspect)
    tidied = odd.select(tidy(pl.col(path), question.type))
    if question.type in DAYS:
        tidied = calendar.told(tidied, path).select(MENDERS[question.type](pl.col(path)))
    elif question.type in NUMBERS:
        tidied = figures.told(tidied, path, question.type)
    read = tidied.select(READERS[question.type](pl.col(path)))[path]
    rows = suspect.arg_true()
    empty = tidied[path].is_null()
    clear_blanks(sheets, question, rows.filter(empty))
    nowhere = pl.zeros(len(suspect), dtype=pl.Boolean, eager=True)
    sheets.unreadable[path] = nowhere.clone().scatter(rows, read.is_null() & ~empty)
    sheets.repaired[path] = nowhere.scatter(rows, read.is_not_null())
    return column.clone().scatter(rows, read)


def clear_blanks(sheets: Sheets, question: Question, rows: pl.Series) -> None:
    """An answer of nothing but blanks is no answer, and no wrong one."""
    if len(rows):
        text = sheets.text[question.repeat]
        sheets.text[question.repeat] = text.with_columns(text[question.path].clone().scatter(rows, None))


def tidy(text: pl.Expr, kind: str) -> pl.Expr:
    """What the writer certainly meant: blanks and zero-width marks off, Khmer digits as 0-9."""
    mend = MENDERS.get(kind)
    return bare(text) if mend is None else mend(bare(text))


def _day(text: pl.Expr) -> pl.Expr:
    day = text.str.replace(r"^(\d{4})[./](\d{1,2})[./](\d{1,2})$", "$1-$2-$3")
    day = day.str.replace(r"^(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}.*$", "$1")
    return day.str.replace(r"^(\d{4})-(\d)-", "$1-0$2-").str.replace(r"^(\d{4}-\d{2})-(\d)$", "$1-0$2")


def _point(text: pl.Expr) -> pl.Expr:
    """Numbers apart by single blanks; a first number past 90 can only be a longitude, so the two change places.

    Numbers that blanks part, a comma inside them and no point anywhere, are an office's that writes decimals so.
    """
    text = pl.when(text.str.contains(COMMAS)).then(text.str.replace_all(",", ".", literal=True)).otherwise(text)
    spaced = text.str.replace_all(r"\s*[,;]\s*|\s+", " ")
    exchanged = spaced.str.replace(r"^(\S+) (\S+)", "$2 $1")
    return pl.when(point_part(spaced, 0).abs() > 90).then(exchanged).otherwise(spaced)


def _truth(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase()


MENDERS: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "date": _day,
    "dateTime": lambda text: text.str.replace(r"^(\d{4}-\d{2}-\d{2}) (\d)", "${1}T$2"),
    "geopoint": _point,
    "boolean": _truth,
}


def read_int(text: pl.Expr) -> pl.Expr:
    """Whole numbers; anything else is null."""
    return text.cast(pl.Int64, strict=False)


def read_decimal(text: pl.Expr) -> pl.Expr:
    """Numbers, exponents allowed because phones write 1.0E7; infinity and "nan" are null."""
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def read_date(text: pl.Expr) -> pl.Expr:
    """Days written as ISO, "2026-11-20", and in no other way; null for one that no calendar has."""
    day = text.str.to_date("%Y-%m-%d", strict=False)
    return pl.when((text.str.len_bytes() == 10) & (day.dt.year() >= 1000) & ~in_no_count(day)).then(day)


def read_local(text: pl.Expr) -> pl.Expr:
    """The clock a dateTime shows where it was written, its zone left aside."""
    return text.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")


def read_instant(text: pl.Expr) -> pl.Expr:
    """The instant a dateTime stands for; null where it names no zone."""
    zoned = text.str.replace(r"Z$", "+00:00")
    return zoned.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="us", time_zone="UTC")


def _read_datetime(text: pl.Expr) -> pl.Expr:
    right = text.str.contains(rf"^\d{{4}}-\d{{2}}-\d{{2}}T{CLOCK}{ZONE}")
    return pl.when(right & read_date(text.str.slice(0, 10)).is_not_null()).then(text)


def _read_time(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(rf"^{CLOCK}{ZONE}")).then(text)


def point_part(text: pl.Expr, place: int) -> pl.Expr:
    """One number of a geopoint: 0 latitude, 1 longitude, 2 altitude, 3 accuracy in metres; null where left out."""
    return text.str.splitn(" ", 5).struct.field(f"field_{place}").cast(pl.Float64, strict=False)


def _read_point(text: pl.Expr) -> pl.Expr:
    inside = point_part(text, 0).is_between(-90, 90) & point_part(text, 1).is_between(-180, 180)
    return pl.when(text.str.contains(rf"^{POINT}$") & inside).then(text)


def _read_line(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(rf"^\s*{POINT}(\s*;\s*{POINT})*\s*;?\s*$")).then(text)


def _read_truth(text: pl.Expr) -> pl.Expr:
    return pl.when(text.is_in(["true", "false", "1", "0"])).then(text)


READERS: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "int": read_int,
    "decimal": read_decimal,
    "date": read_date,
    "dateTime": _read_datetime,
    "time": _read_time,
    "geopoint": _read_point,
    "geotrace": _read_line,
    "geoshape": _read_line,
    "boolean": _read_truth,
}

# Why a date was refused: both could be read as some day, but as which one is a guess.
SERIAL = r"^\s*\d{5}(\.\d+)?\s*$"  # Excel counts days since 1899-12-30, or since 1904 on a Mac
DAY_FIRST = r"^\s*\d{1,2}\s*[-/. ]\s*\d{1,2}\s*[-/. ]\s*\d{2,4}\b"
SHORT_YEAR = r"^\s*\d{1,2}\s*[-/. ]\s*\d{1,2}\s*[-/. ]\s*\d{2}(?:\D|$)"

SHORTER = (
    r"0?2[-/. ](?:29|30|31)|(?:0?[469]|11)[-/. ]31"  # month and day; of unreadable cells: 29 February of no leap year
)
DAY_BEFORE = r"(?:29|30|31)[-/. ]0?2|31[-/. ](?:0?[469]|11)"
DAY_IN_WORDS = r"(?:[Nn]gày\s+)?(?:(?:29|30|31)\s+[Tt]háng\s+0?2|31\s+[Tt]háng\s+(?:0?[469]|11))"
NO_SUCH_DAY = rf"^\s*(?:(?:{SHORTER}|{DAY_BEFORE})[-/. ]\d{{4}}|\d{{4}}[-/. ](?:{SHORTER})|{DAY_IN_WORDS})(?:\D|$)"


def _why(question: Question, values: pl.Series, spelling: Spelling) -> pl.Series | str:
    expected = EXAMPLES[question.type]
    of_numbers = _SHORTENED if spelling.decimals in SIGNS else _DOUBTS
    doubts = _AMBIGUOUS if question.type in DAYS else of_numbers if question.type in NUMBERS else {}
    if not doubts:
        return said(expected=expected, reason="not_of_this_type")
    texts = {reason: said(expected=expected, reason=reason) for reason in ("not_of_this_type", *doubts)}
    plain = bared(values).alias("plain").to_frame()
    return plain.select(_first_of(((plain_is, texts[why]) for why, plain_is in doubts.items()), texts))["why"]


def _how(question: Question, values: pl.Series, typed: pl.Series) -> pl.Series | str:
    """As what a cell was read, where it could have meant another day or number to whoever wrote it."""
    expected = EXAMPLES.get(question.type, "")
    tidied = said(expected=expected, reason="tidied")
    if question.type not in (*DAYS, *NUMBERS):  # of a choice: where blanks stood around it
        return tidied
    text, value = bare(pl.col("text")), pl.col("value")
    read_as = days.read_as(text, value.cast(pl.String)) if question.type in DAYS else numbers.read_as(text, value)
    how = pl.DataFrame({"text": values, "value": typed}).select(how=read_as)["how"]
    texts = {reason: said(expected=expected, reason=reason) for reason in how.drop_nulls().unique()}
    return how.replace_strict(texts, default=tidied, return_dtype=pl.String)


def _first_of(cases: Iterable[tuple[str, str]], texts: Mapping[str, str]) -> pl.Expr:
    chosen = pl.lit(texts["not_of_this_type"])
    for pattern, text in cases:
        chosen = pl.when(pl.col("plain").str.contains(pattern)).then(pl.lit(text)).otherwise(chosen)
    return chosen.alias("why")


_SHORTENED: Mapping[str, str] = {"digits_lost": EXPONENT}
_DOUBTS: Mapping[str, str] = {"thousands_or_decimals": DOUBTFUL, **_SHORTENED}
_AMBIGUOUS: Mapping[str, str] = {  # of several that fit the last counts
    "excel_serial": SERIAL,
    "day_or_month_first": DAY_FIRST,
    "year_of_two_digits": SHORT_YEAR,
    "no_such_day": NO_SUCH_DAY,
}
