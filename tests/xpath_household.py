"""Three made-up households with members and toys, as typed tables: small enough to check every value by eye."""

from __future__ import annotations

from datetime import date

import polars as pl

from collect.xpath import Schema

COMMUNES = pl.DataFrame({"name": ["a", "b", "c"], "label": ["A", "B", "C"], "province": ["p", "p", "q"]})

SCHEMA = Schema(
    root="/data",
    tables={
        "/data": {
            "/data/visit": "date",
            "/data/start": "dateTime",
            "/data/size": "int",
            "/data/province": "select_one",
            "/data/commune": "select_one",
            "/data/ops": "select_multiple",
            "/data/name": "string",
            "/data/ok": "boolean",
            "/data/w": "decimal",
            "/data/t": "time",
        },
        "/data/g/hh": {"/data/g/hh/age": "int", "/data/g/hh/sex": "select_one", "/data/g/hh/line": "int"},
        "/data/g/hh/toy": {"/data/g/hh/toy/price": "decimal"},
    },
    lists={"commune": COMMUNES},
    list_of={"/data/commune": "commune"},
)

TABLES = {
    "/data": pl.DataFrame(
        {
            "submission_id": ["u1", "u2", "u3"],
            "row_id": ["/data"] * 3,
            "/data/visit": [date(2026, 11, 20), None, date(2026, 1, 2)],
            "/data/start": ["2026-11-20T08:30:00.000+07:00", None, "2026-01-02T23:00:00.000+07:00"],
            "/data/size": [3, 1, None],
            "/data/province": ["p", "q", None],
            "/data/commune": ["b", "c", "a"],
            "/data/ops": ["viettel vnpt", "none", None],
            "/data/name": ["An", None, "1,5"],
            "/data/ok": ["1", None, "false"],
            "/data/w": [1.5, -2.5, None],
            "/data/t": ["08:30:00.000+07:00", None, None],
        }
    ),
    "/data/g/hh": pl.DataFrame(
        {
            "submission_id": ["u1", "u1", "u1", "u2"],
            "row_id": ["/data/g/hh[1]", "/data/g/hh[2]", "/data/g/hh[3]", "/data/g/hh[1]"],
            "parent_row_id": ["/data"] * 4,
            "index": [1, 2, 3, 1],
            "/data/g/hh/age": [34, None, 12, 70],
            "/data/g/hh/sex": ["f", "m", "f", "m"],
            "/data/g/hh/line": [1, 2, 2, 1],
        }
    ),
    "/data/g/hh/toy": pl.DataFrame(
        {
            "submission_id": ["u1", "u1", "u2"],
            "row_id": ["/data/g/hh[1]/toy[1]", "/data/g/hh[1]/toy[2]", "/data/g/hh[1]/toy[1]"],
            "parent_row_id": ["/data/g/hh[1]"] * 3,
            "index": [1, 2, 1],
            "/data/g/hh/toy/price": [1.5, 2.0, None],
        }
    ),
}

CLOCK = pl.DataFrame({"submission_id": ["u1", "u2"], "now": ["2026-11-20T09:00:00+07:00", "2026-11-21T09:00:00+07:00"]})
