# ruff: noqa: E501 - templates and reasons are wider than code
"""Made-up forms, submissions and expressions, the same for the same seed: what JavaRosa and this project are asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import polars as pl

from collect.xpath import Schema

LIST = pl.DataFrame(
    {
        "name": ["a", "b", "c", "d"],
        "label": ["An Hải", "Bến Cá", "Cầu Kè", "Dầu Tiếng"],
        "province": ["p", "p", "q", ""],
        "size": ["3", "10", "2.5", ""],
    }
)
OPTIONS = ("a", "b", "c", "d")
SHAPE = "10.0 106.0 0.0 0.0; 10.0 106.01 0.0 0.0; 10.01 106.01 0.0 0.0; 10.0 106.0 0.0 0.0"
ANSWERS: dict[str, tuple[str, ...]] = {
    "int": ("0", "1", "2", "3", "-4", "34", "120", "2147483647"),
    "decimal": ("0.5", "1.5", "-2.5", "2.0", "1234567.25", "0.1"),
    "string": ("An", "b c", "1,5", "2026-01-05", "Đỗ Thị", "12.50", "a", "TRUE", "x-y-z"),
    "date": ("2026-11-20", "1999-02-28", "2024-02-29", "1970-01-01"),
    "dateTime": ("2026-11-20T08:30:00.000+07:00", "2026-11-20T23:59:30.500+07:00", "2001-01-01T00:00:00.000+07:00"),
    "select_one": OPTIONS,
    "select_multiple": ("a", "a b", "b c d", "d a"),
    "geopoint": ("10.005 106.008 0.0 0.0", "10.5 106.5 12.0 3.5", "-3.25 17.5 0.0 0.0"),
    "geoshape": (SHAPE,),
}


@dataclass
class Made:
    """One made-up form: what the language must know of it, and its XForm."""

    schema: Schema
    xform: str
    tree: dict[str, object] = field(default_factory=dict)


def make_form(seed: int, *, ruled: bool = False) -> Made:
    """A form with questions of every type at the root, in a group, in a repeat and in a repeat inside it.

    ``ruled``: its questions have relevance, demands and constraints, which look only at what stands before them.
    """
    rng = random.Random(seed)
    root: dict[str, object] = {f"{kind[0]}{n}": kind for n, kind in enumerate(rng.sample(sorted(ANSWERS), 9))}
    root |= {"n": "int", "w": "decimal", "name": "string", "one": "select_one", "many": "select_multiple"}
    root |= {"day": "date", "at": "dateTime"}
    toys = {"price": "decimal", "kind": "select_one", "got": "date"}
    people: dict[str, object] = {
        "age": "int",
        "sex": "select_one",
        "who": "string",
        "born": "date",
        "likes": "select_multiple",
    }
    people["toy"] = [toys]
    place: dict[str, object] = {"rooms": "int", "note": "string"}
    if seed % 2:
        place["person"] = [people]
        root["home"] = place
    else:
        root["home"] = place
        root["person"] = [people]
    tables: dict[str, dict[str, str]] = {"/data": {}}
    _tables(root, "/data", "/data", tables)
    lists = {
        path: "c" for questions in tables.values() for path, kind in questions.items() if kind.startswith("select")
    }
    schema = Schema("/data", tables, {"c": LIST}, lists, version="7")
    rules = _rules(schema, rng) if ruled else {}
    return Made(schema, _xform(root, tables, rules), root)


_HOLDS: dict[str, tuple[str, ...]] = {
    "int": ("{0} > 1", "{0} = ''", "{0} mod 2 = 0"),
    "decimal": ("{0} <= 1.5", "round({0}) != 2"),
    "string": ("string-length({0}) > 1", "{0} != 'An'"),
    "date": ("{0} > date('2000-01-01')", "{0} != ''"),
    "dateTime": ("{0} != ''", "date({0}) > date('2010-01-01')"),
    "select_one": ("{0} = 'a' or {0} = 'b'", "{0} != 'c'"),
    "select_multiple": ("selected({0}, 'b')", "not(selected({0}, 'd'))"),
    "geopoint": ("{0} != ''",),
    "geoshape": ("{0} = ''",),
}
_OWN: dict[str, tuple[str, ...]] = {
    "int": (". >= 0 and . <= 120", ". != 2", ". < 1000"),
    "decimal": (". > -1", ". < 1000"),
    "string": ("string-length(.) < 8", "regex(., '[^0-9].*')", ". != 'a'"),
    "date": (". <= date('2025-01-01')", ". > date('1980-01-01')"),
    "dateTime": (". <= now()",),
    "select_one": (". != 'd'",),
    "select_multiple": ("count-selected(.) < 3", "not(selected(., 'a') and selected(., 'd'))"),
    "geopoint": (". != ''",),
    "geoshape": (". != ''",),
}


def _rules(schema: Schema, rng: random.Random) -> dict[str, dict[str, str]]:  # noqa: C901
    rules: dict[str, dict[str, str]] = {}
    before: list[str] = []
    for path, kind in sorted(
        schema.types.items(), key=lambda item: (item[0].count("/"), item[0].startswith("/data/p"))
    ):
        near = [other for other in before if schema.table_of(other) in schema.chain(schema.table_of(path))]
        made = rules.setdefault(path, {})

        def condition(of: str = path, among: list[str] = near) -> str:
            other = rng.choice(among)
            way = rng.choice([other, relative(of, other)])
            return rng.choice(_HOLDS[schema.types[other]]).format(way)

        if near and rng.random() < 0.3:
            made["relevant"] = condition()
        if rng.random() < 0.15:
            made["required"] = condition() if near and rng.random() < 0.4 else "true()"
        if rng.random() < 0.3:
            made["constraint"] = rng.choice(_OWN[kind])
            if near and rng.random() < 0.3:
                made["constraint"] += " or " + condition()
        before.append(path)
    for place in sorted(schema.structure - {schema.root}):
        if rng.random() < 0.4:
            rules[place] = {"relevant": rng.choice(["/data/n < 100", "/data/one != 'c'", "/data/name != ''"])}
    return rules


def _tables(tree: dict[str, object], at: str, table: str, tables: dict[str, dict[str, str]]) -> None:
    for name, what in tree.items():
        path = f"{at}/{name}"
        if isinstance(what, str):
            tables[table][path] = what
        elif isinstance(what, list):
            tables[path] = {}
            _tables(what[0], path, path, tables)
        else:
            _tables(what, path, table, tables)  # type: ignore[arg-type]


def _xform(root: dict[str, object], tables: dict[str, dict[str, str]], rules: dict[str, dict[str, str]]) -> str:  # noqa: C901
    def template(tree: dict[str, object]) -> str:
        out = ""
        for name, what in tree.items():
            if isinstance(what, str):
                out += f"<{name}/>"
            elif isinstance(what, list):
                out += f'<{name} jr:template="">{template(what[0])}</{name}>'
            else:
                out += f"<{name}>{template(what)}</{name}>"  # type: ignore[arg-type]
        return out

    def body(tree: dict[str, object], at: str) -> str:
        out = ""
        for name, what in tree.items():
            ref = f"{at}/{name}"
            if isinstance(what, list):
                out += f'<group ref="{ref}"><repeat nodeset="{ref}">{body(what[0], ref)}</repeat></group>'
            elif not isinstance(what, str):
                out += f'<group ref="{ref}">{body(what, ref)}</group>'  # type: ignore[arg-type]
            elif what.startswith("select"):
                tag = "select1" if what == "select_one" else "select"
                out += f'<{tag} ref="{ref}"><itemset nodeset="instance(\'c\')/root/item">'
                out += f'<value ref="name"/><label ref="label"/></itemset></{tag}>'
            else:
                out += f'<input ref="{ref}"/>'
        return out

    def said(path: str) -> str:
        return "".join(f' {name}="{escape(text)}"' for name, text in rules.get(path, {}).items())

    binds = "".join(
        f'<bind nodeset="{path}" type="{"string" if kind.startswith("select") else kind}"{said(path)}/>'
        for questions in tables.values()
        for path, kind in questions.items()
    )
    kinds = {path for questions in tables.values() for path in questions}
    binds += "".join(f'<bind nodeset="{path}"{said(path)}/>' for path in rules if path not in kinds)
    items = "".join(
        "<item>" + "".join(f"<{column}>{escape(value)}</{column}>" for column, value in row.items()) + "</item>"
        for row in LIST.iter_rows(named=True)
    )
    return (
        '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml" '
        'xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>t</h:title><model><instance>'
        f'<data id="t" version="7">{template(root)}</data></instance>'
        f'<instance id="c"><root>{items}</root></instance>{binds}'
        f"</model></h:head><h:body>{body(root, '/data')}</h:body></h:html>"
    )


def make_submission(made: Made, seed: int) -> str:
    """Answers at random, one in four blank, up to three rows in each repeat."""
    rng = random.Random(seed)

    def filled(tree: dict[str, object]) -> str:
        out = ""
        for name, what in tree.items():
            if isinstance(what, list):
                out += "".join(
                    f"<{name}>{filled(what[0])}</{name}>" for _ in range(rng.randint(0 if seed % 3 else 1, 3))
                )
            elif not isinstance(what, str):
                out += f"<{name}>{filled(what)}</{name}>"  # type: ignore[arg-type]
            elif rng.random() < 0.25:
                out += f"<{name}/>"
            else:
                out += f"<{name}>{escape(rng.choice(ANSWERS[what]))}</{name}>"
        return out

    return f'<data id="t" version="7">{filled(made.tree)}</data>'


# letter in a template: N number, S text, B truth, A anything, D date, T date-time, M choices made, L leaf of a
# repeat, W rows of a repeat, P shape, G point, F a written format
TEMPLATES: dict[str, tuple[str, ...]] = {
    "N": (
        "N + N", "N - N", "N * N", "N div N", "N mod N", "-N", "abs(N)", "acos(N)", "asin(N)", "atan(N)", "atan2(N, N)",
        "cos(N)", "sin(N)", "tan(N)", "exp(N)", "exp10(N)", "log(N)", "log10(N)", "sqrt(N)", "pow(N, 2)", "pow(2, N)",
        "pi()", "int(A)", "round(N)", "round(N, 1)", "round(N, N)", "number(A)", "count(L)", "count(W)", "count-non-empty(L)",
        "count-non-empty(W)", "sum(L)", "min(L)", "max(L)", "min(N, A)", "max(A, N, N)", "count-selected(M)",
        "string-length(A)", "string-length()", "position()", "decimal-date-time(T)", "round(decimal-time(T), 9)", "if(B, N, N)",
        "coalesce(N, N)", "number(once(N))", "area(P)", "enclosed-area(P)", "distance(P)", "depend(N, A)", "D - D", "D + 1",
        "count(I)", "sum(IS)", "count(randomize(L))", "sum(randomize(L, 7))",
    ),
    "S": (
        "string(A)", "concat(A, A)", "concat(L)", "join(', ', L)", "join(S, A, A)", "join(S, L)", "substr(S, N)", "substr(S, 1, N)",
        "substring-before(A, '-')", "substring-after(S, ' ')", "substring-before(S, S)", "substring-after(S, S)",
        "translate(S, 'abc', 'xy')", "translate(S, S, S)", "normalize-space(S)", "normalize-space()", "selected-at(M, N)",
        "format-date(D, F)", "format-date-time(T, F)", "digest(S, 'MD5')", "digest(S, 'SHA-256', 'hex')", "version()",
        "digest(A, 'SHA-1', 'base64')", "base64-decode('WMOj')", "if(B, S, N)", "coalesce(S, A)", "once(S)", "IL", "XR",
        "jr:choice-name(C, 'CP')", "concat(randomize(L, 3))", "substr(A, N, -1)", "join('-', randomize(L, N))",
    ),
    "B": (
        "A = A", "A != A", "N < N", "N <= A", "A > N", "D >= D", "N = S", "B and B", "B or B", "not(A)", "boolean(A)",
        "boolean-from-string(A)", "true()", "false()", "regex(S, '[a-z ]+')", "regex(A, '-?[0-9.]+')", "regex(S, S)", "selected(M, 'b')",
        "selected(M, S)", "is-selected(M, 'a')", "contains(S, S)", "contains(A, '1')", "starts-with(S, 'A')", "starts-with(A, S)",
        "ends-with(S, S)", "checklist(1, 2, B, B, A)", "checklist(-1, N, B, B)", "checklist(1, 9, L)", "weighted-checklist(1, 5, B, N, B, 2)",
        "weighted-checklist(0, 99, L, L)", "geofence(G, P)", "if(B, B, B)", "T < T", "D = T", "today() > D", "now() >= today()",
        "today() = date(now())", "true() = A", "B = N",
    ),
    "D": ("date(D)", "date(T)", "date('2026-01-31')", "date(coalesce((N) mod 30000, 0))", "if(B, D, D)", "date-time(D)"),
    "T": ("date-time(T)", "if(B, T, T)", "date-time('2026-11-20T10:20:30.000+07:00')"),
}  # fmt: skip
LITERALS: dict[str, tuple[str, ...]] = {
    "N": ("0", "1", "2", "3", "-1", "1.5", "2.5", "0.1", "100", "12345678901", "0.00012", "'7'", "'x'", "''"),
    "S": ("''", "'a'", "'b'", "' '", "'An'", "'x-y-z'", "'Đỗ'", "'1,5'", "'a b'"),
    "B": ("true()", "false()", "1", "''"),
    "D": ("'2026-11-20'", "date('2026-11-20')"),
    "T": ("date-time('2026-11-20T08:30:00.000+07:00')",),
    "F": ("'%Y-%m-%d'", "'%d/%n/%y %b'", "'%e %a'", "'%H:%M:%S %h %3'"),
}
KINDS: dict[str, tuple[str, ...]] = {
    "N": ("int", "decimal"),
    "S": ("string", "select_one", "select_multiple"),
    "D": ("date",),
    "T": ("dateTime",),
    "M": ("select_one", "select_multiple", "string"),
    "C": ("select_one",),
    "P": ("geoshape",),
    "G": ("geopoint",),
    "A": ("int", "decimal", "string", "select_one", "select_multiple", "date", "dateTime", "geopoint"),
}


class Maker:
    """Makes expressions for one node of one form."""

    def __init__(self, schema: Schema, at: str, rng: random.Random) -> None:
        self.schema, self.at, self.rng = schema, at, rng
        self.chain = schema.chain(schema.table_of(at))
        self.leaves: dict[str, list[str]] = {}
        for table in self.chain:
            for path, kind in schema.tables[table].items():
                self.leaves.setdefault(kind, []).append(path)

    def expression(self, kind: str, depth: int = 0) -> str:
        """An expression of one kind."""
        if kind == "A":
            kind = self.rng.choice("NSBDTA") if depth < 3 else "A"
        if depth >= 3 or kind not in TEMPLATES or self.rng.random() < 0.15:
            return self.leaf(kind)
        return self.fill(self.rng.choice(TEMPLATES[kind]), depth)

    def fill(self, template: str, depth: int) -> str:
        """A template with its letters replaced."""
        out, at = "", 0
        while at < len(template):
            two, one = template[at : at + 2], template[at]
            alone = not (
                template[at - 1 : at].isalpha()
                or (template[at - 1 : at] == "-" and template[at - 2 : at - 1].isalpha())
            )
            quoted = template[:at].count("'") % 2 == 1
            if two in _SPECIAL and alone:
                out += _SPECIAL[two](self)
                at += 2
            elif one in "NSBADTMLWPGFCI" and alone and not quoted and not template[at + 1 : at + 2].isalnum():
                made = self.nodes(one) if one in "LWI" else self.expression(one, depth + 1)
                out += (
                    f"({made})"
                    if " " in made and template[at - 1 : at] in ("", " ", "-") and len(template) > 1
                    else made
                )
                at += 1
            else:
                out += one
                at += 1
        return out

    def leaf(self, kind: str) -> str:
        """A path, or a literal."""
        literals = LITERALS.get(kind, ())
        paths = [path for known in KINDS.get(kind, ()) for path in self.leaves.get(known, ())]
        if kind == "B" or not paths or (literals and self.rng.random() < 0.35):
            return self.rng.choice(literals) if literals else "''"
        return self.way(self.rng.choice(paths))

    def way(self, path: str) -> str:
        """``path`` absolute, or relative to the context, or from current()."""
        if path == self.at:
            return self.rng.choice([".", path, "self::node()"])
        how = self.rng.random()
        if how < 0.4:
            return path
        way = relative(self.at, path)
        return way if how < 0.85 else f"current()/{way}"

    def nodes(self, kind: str) -> str:
        """A path to many nodes, with or without predicates."""
        if kind == "I":
            return f"instance('c')/root/item{self.item_predicate()}"
        tables = [table for table in self.schema.tables if table != "/data"]
        table = self.rng.choice(tables)
        above = self.schema.parent(table)
        way = table
        if above in self.chain and self.rng.random() < 0.6:
            way = relative(self.at, f"{table}\x00").removesuffix("\x00")
        elif above != "/data" and self.rng.random() < 0.5:
            way = table.replace(above, above + self.predicate(above), 1)
        way += self.predicate(table)
        return way if kind == "W" else f"{way}/{self.rng.choice(sorted(self.schema.tables[table])).rsplit('/', 1)[1]}"

    def predicate(self, table: str) -> str:
        """Which rows of a repeat."""
        names = {path.rsplit("/", 1)[1]: kind for path, kind in self.schema.tables[table].items()}
        name, kind = self.rng.choice(sorted(names.items()))
        value = self.leaf({"int": "N", "decimal": "N", "date": "D"}.get(kind, "S"))
        if value.startswith((".", "self")) or (value[0].isalpha() and not value.startswith(("current", "date"))):
            value = f"current()/{value}"
        tests = [
            f"{name} = {value}", f"{name} != ''", f"{name} > 1", "position() > 1", f"position() = {self.rng.randint(1, 3)}",
            f"not({name} = '')", f"position() < 3 and {name} != {value}", f"string-length({name}) > 1", "true()",
        ]  # fmt: skip
        how = self.rng.random()
        if how < 0.35:
            return ""
        return "".join(f"[{self.rng.choice(tests)}]" for _ in range(1 if how < 0.9 else 2))

    def item_predicate(self) -> str:
        """Which items of the list."""
        one = self.leaf("C")
        if not one.startswith(("/", "'", "current")):
            one = "current()/" + one
        tests = [
            f"name = {one}",
            "province = 'p'",
            f"province = 'p' and name != {one}",
            "size > 2",
            "position() = 2",
            "label != ''",
        ]
        return f"[{self.rng.choice(tests)}]" if self.rng.random() < 0.85 else ""

    def indexed(self) -> str:
        """indexed-repeat() with every repeat around its question."""
        table = self.rng.choice([table for table in self.schema.tables if table != "/data"])
        question = self.rng.choice(sorted(self.schema.tables[table]))
        places = ", ".join(
            f"{repeat}, {self.rng.choice(['1', '2', '0', '9', self.leaf('N')])}"
            for repeat in self.schema.chain(table)[1:]
        )
        return f"indexed-repeat({question}, {places})"

    def choice_path(self) -> str:
        """A select question of this row, in full."""
        return self.rng.choice(self.leaves["select_one"])


_SPECIAL: dict[str, Callable[[Maker], str]] = {
    "IL": lambda maker: (
        f"instance('c')/root/item{maker.item_predicate() or '[name = ' + chr(39) + 'b' + chr(39) + ']'}/label"
    ),
    "IS": lambda maker: f"instance('c')/root/item{maker.item_predicate()}/size",
    "XR": lambda maker: maker.indexed(),
    "CP": lambda maker: maker.choice_path(),
}


def relative(at: str, path: str) -> str:
    """The way from one node to another that climbs no higher than it must."""
    here, there = at.split("/")[1:], path.split("/")[1:]
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    return "/".join([".."] * (len(here) - shared) + there[shared:]) or "."


def make_expressions(schema: Schema, count: int, seed: int) -> list[tuple[str, str]]:
    """Pairs of node and expression: every template once in turn, then at random inside."""
    rng = random.Random(seed)
    templates = [(kind, template) for kind, several in TEMPLATES.items() for template in several]
    places = [*schema.types, *schema.tables]
    made = []
    for number in range(count):
        maker = Maker(schema, rng.choice(places), rng)
        made.append((maker.at, maker.fill(templates[number % len(templates)][1], 0)))
    return made
