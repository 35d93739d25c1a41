# ruff: noqa: E501 - templates and reasons are wider than code
"""JavaRosa itself is asked the same: made-up forms, submissions and expressions over every function and operator."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from javarosa import ask
from xpath_differential import run, same
from xpath_household import COMMUNES
from xpath_made import LIST, make_form

from collect.xpath import ARITY, UNSUPPORTED, Schema, XPathError, XPathUnsupported, evaluate, plan

FORMS, SUBMISSIONS, EXPRESSIONS = (int(n) for n in os.environ.get("XPATH_FUZZ", "6,5,200").split(","))
SEED = int(os.environ.get("XPATH_SEED", "400"))


def test_javarosa_and_both_evaluators_agree_on_made_up_expressions(tmp_path: Path) -> None:
    """Where JavaRosa stops with an error there is nothing to compare; those pairs do not count towards the 5,000."""
    found = run(tmp_path, FORMS, SUBMISSIONS, EXPRESSIONS, SEED)
    stopped = sum(found.stopped.values())
    print(f"{found.pairs} pairs, JavaRosa stopped at {stopped}: {dict(found.stopped)}")
    assert found.differ == []
    assert found.pairs - stopped >= 5_000 or "XPATH_FUZZ" in os.environ
    assert stopped < found.pairs / 20
    assert set(ARITY) - set(UNSUPPORTED) - found.functions <= {"pulldata"}


# expression, what it is here, what it is to JavaRosa, why. "ERROR": it stops.
INTENDED = [
    ("date('2026-13-45')", "", "ERROR", "one row's bad text does not stop a column: it is blank"),
    ("date(n div 0)", "", "ERROR", "the same for a number that is no day"),
    ("format-date(date('1999-02-28'), '%W')", "8", "10", "a week is that of ISO 8601; JavaRosa counts as the device's language does"),
    ("date('x' + 1)", "", "NaN", "a day that is not known is blank, not a number"),
    ("string(date(3000000))", "", "10183-09-21", "a calendar has the years 1 to 9999"),
    ("person[age > 0]/who", "An", "ERROR", "two rows pass: the first one speaks"),
    ("abs(date('2026-11-20'))", "20777", "20777.041666666668", "a date is whole days; JavaRosa adds its own clock's midnight"),
    ("decimal-date-time(date('2026-11-20'))", "20777", "20776.708333333332", "the same"),
    ("decimal-time(date-time('2026-11-20T08:30:00.000+07:00'))", "0.3541666666666667", "0.3541666666678793", "JavaRosa's eleventh digit is noise"),
    ("date(date-time('2026-11-20T23:00:00.000+00:00'))", "2026-11-20", "2026-11-21", "a day is the one written on the device, not the one where its clock is read"),
    ("concat('<', name, '>')", "< x >", "<x>", "an answer keeps its spaces; JavaRosa trims it when a form is opened again"),
    ("string(spot)", "10 106 0 0", "10.0 106.0 0.0 0.0", "a point keeps its digits as sent"),
    ("selected(n, '2')", "ERROR", "ERROR", "a number is no choice"),
    ("nowhere = ''", "ERROR", "true", "a path the form does not have is an error"),
    ("n | name", "ERROR", "ERROR", "neither joins node-sets"),
    ("(person)[age > 1]", "ERROR", "ERROR", "nor chooses in a bracket"),
    ("person/@x", "ERROR", "", "attributes are not kept"),
    ("string-length(uuid())", "ERROR", "36", "drawn on the device"),
    ("random() < 2", "ERROR", "true", "drawn on the device"),
    ("property('deviceid')", "ERROR", "ERROR", "a setting of the device"),
    ("yes = true()", "true", "false", "a stored 'true' is true; JavaRosa reads only '1' so"),
    ("boolean-from-string(yes)", "true", "false", "the same"),
]  # fmt: skip

_SMALL = Schema(
    "/data",
    {
        "/data": {"/data/n": "int", "/data/name": "string", "/data/spot": "geopoint", "/data/yes": "boolean"},
        "/data/person": {"/data/person/age": "int", "/data/person/who": "string"},
    },
    {"c": LIST, "commune": COMMUNES},
)
_SMALL_FORM = """<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>t</h:title><model><instance><data id="t"><n/><name/><spot/><yes/>
<person jr:template=""><age/><who/></person></data></instance><bind nodeset="/data/n" type="int"/>
<bind nodeset="/data/name" type="string"/><bind nodeset="/data/spot" type="geopoint"/>
<bind nodeset="/data/yes" type="boolean"/><bind nodeset="/data/person/age" type="int"/></model></h:head><h:body>
<input ref="/data/n"/><group ref="/data/person"><repeat nodeset="/data/person"><input ref="/data/person/age"/></repeat>
</group></h:body></h:html>"""
_SMALL_ANSWERS = (
    '<data id="t"><n>2</n><name> x </name><spot>10 106 0 0</spot><yes>true</yes>'
    "<person><age>3</age><who>An</who></person><person><age>4</age><who>Ba</who></person></data>"
)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What JavaRosa makes of the expressions above."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "form.xml").write_text(_SMALL_FORM, encoding="utf-8")
    (folder / "one.xml").write_text(_SMALL_ANSWERS, encoding="utf-8")
    lines = [f"FORM\t{folder}/form.xml", f"SUBMISSION\t{folder}/one.xml"]
    lines += [f"EVAL\t/data[1]\t{row[0]}" for row in INTENDED]
    answers = ask(lines)
    assert answers[:2] == [["OK"], ["OK"]]
    return dict(zip([row[0] for row in INTENDED], answers[2:], strict=True))


@pytest.mark.parametrize(("expression", "ours", "expected", "reason"), INTENDED)
def test_every_difference_from_javarosa_is_meant(
    expression: str, ours: str, expected: str, reason: str, theirs: dict[str, list[str]]
) -> None:
    assert reason
    try:
        shown = evaluate(expression, _SMALL, ET.fromstring(_SMALL_ANSWERS), "/data").text
    except XPathError:
        shown = "ERROR"
    answer = theirs[expression]
    assert shown == ours
    assert (answer[0] if answer[0] == "ERROR" else answer[1]) == expected


def test_a_difference_would_be_seen() -> None:
    assert not same(("3", True, 3.0), ["Double", "4", "true", "4.0", "-1"])
    assert not same("unknown_path: no", ["String", "", "false", "NaN", "-1"])
    assert same(("3", True, 3.0), ["Double", "3", "true", "3.0", "-1"])


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_what_only_the_device_knows_is_refused_and_says_so(name: str) -> None:
    arguments = ", ".join(["'x'"] * ARITY[name][0])
    with pytest.raises(XPathUnsupported, match=r"cannot be checked"):
        plan(f"{name}({arguments})", make_form(1).schema, "/data")
