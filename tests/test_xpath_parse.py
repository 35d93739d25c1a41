"""The parser: what it reads, what it refuses and where, and that no text can hurt it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collect.xpath import (
    Call,
    Chain,
    Expression,
    Negate,
    Number,
    Path,
    Step,
    Text,
    XPathError,
    XPathUnsupported,
    check_calls,
    functions_used,
    parse,
)  # fmt: skip

CANONICAL = [
    (".>=0 and .<=120", ". >= 0 and . <= 120"),
    ("count( /data/roster/member[age>=15] )", "count(/data/roster/member[age >= 15])"),
    (
        "instance('commune')/root/item[province= /data/province ]/label",
        "instance('commune')/root/item[province = /data/province]/label",
    ),
    ("- -3+ -.50*2 div 4 mod 3", "--3 + -0.5 * 2 div 4 mod 3"),
    ("../../a/*[1][b='x\"']", "../../a/*[1][b = 'x\"']"),
    ("(1+2)*3-(4-5)", "(1 + 2) * 3 - (4 - 5)"),
    ("1-(2-3)", "1 - (2 - 3)"),
    ("((a))", "a"),
    ("a or b and c", "a or b and c"),
    ("(a or b) and c", "(a or b) and c"),
    ("self::node()/child::a/parent::node()", "./a/.."),
    ("* * *", "* * *"),
    ("1 or2", "1 or 2"),
    ("a-b - c", "a-b - c"),
    ("jr:choice-name(., '/data/x')", "jr:choice-name(., '/data/x')"),
    ("current()/../x", "current()/../x"),
    ("/", "/"),
    ("hộ/tuổi > 3", "hộ/tuổi > 3"),
    ("12345678901234567890", "12345678901234567000"),
    ("-(1)[2]", "-1[2]"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_an_expression_is_printed_back_in_one_canonical_form(text: str, canonical: str) -> None:
    tree = parse(text)
    assert str(tree) == canonical
    assert parse(str(tree)) == tree


def test_the_tree_knows_rank_and_order() -> None:
    assert parse("1 + 2 * 3") == Chain(Number(1), (("+", Chain(Number(2), (("*", Number(3)),))),))
    assert parse("-a") == Negate(Path("", (Step("child", "a"),)))
    assert parse("a = 'x'") == Chain(Path("", (Step("child", "a"),)), (("=", Text("x")),))


WRONG = [
    ("", "syntax", 0),
    ("1 +", "syntax", 3),
    ("foo(1", "syntax", 5),
    (". >> 1", "syntax", 3),
    ("a b", "syntax", 2),
    ("'x", "syntax", 0),
    ("a[", "syntax", 2),
    ("a]", "syntax", 1),
    ("a/", "syntax", 2),
    ("1 = = 2", "syntax", 4),
    ("3 AND 4", "syntax", 2),
    ("1.2.3", "syntax", 3),
    ("#", "syntax", 0),
    ("1" * 400, "syntax", 0),
    ("a // b", "unsupported", 2),
    ("//b", "unsupported", 0),
    ("ancestor::a", "unsupported", 0),
    ("a/text()", "unsupported", 2),
    ("$x", "unsupported", 0),
]


@pytest.mark.parametrize(("text", "code", "position"), WRONG)
def test_a_fault_is_named_and_placed(text: str, code: str, position: int) -> None:
    with pytest.raises(XPathError) as caught:
        parse(text)
    assert (caught.value.code, caught.value.position) == (code, position)
    assert isinstance(caught.value, XPathUnsupported) == (code == "unsupported")
    assert str(position + 1) in str(caught.value)


@pytest.mark.parametrize("opening", ["(", "a[", "if(1,2,", "-(", "not(", "-"])
def test_a_megabyte_of_brackets_is_refused_in_milliseconds(opening: str) -> None:
    for times in (1_000_000 // len(opening), 100_000 // len(opening)):
        started = time.perf_counter()
        with pytest.raises(XPathError) as caught:
            parse(opening * times)
        assert caught.value.code in ("too_long", "too_deep")
        assert time.perf_counter() - started < 0.1


def test_as_much_nesting_as_a_form_can_hold_is_read() -> None:
    nested = "if(a = 1, 2, " * 70 + "3" + ")" * 70
    assert str(parse(nested)) == nested
    wide = " or ".join(f". = 'v{number}'" for number in range(900))
    assert str(parse(wide)) == wide


def test_calls_are_counted_before_any_form_is_known() -> None:
    check_calls(parse("if(selected(., 'a'), 1, sum(/x/y))"))
    for text, code in (
        ("nosuchfn(1)", "unknown_function"),
        ("substr('a')", "arity"),
        ("indexed-repeat(a, b, 1, c)", "arity"),
    ):
        with pytest.raises(XPathError) as caught:
            check_calls(parse(f"1 + {text}"))
        assert (caught.value.code, caught.value.position) == (code, 4)
    assert functions_used(parse("if(a[not(b)], now(), 1)")) == {"if", "not", "now"}


def _read_or_refused(text: str) -> None:
    try:
        tree = parse(text)
    except XPathError as refused:
        where = refused.position
    else:
        where = 0
        assert parse(str(tree)) == tree
    assert 0 <= where <= len(text)


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_crashes_the_parser(text: str) -> None:
    _read_or_refused(text)


@given(
    st.lists(
        st.sampled_from([*"()[]/.,*-+=<>|@'\" ", "and", "or", "div", "a", "1", "..", "::", "count(", "node()"]),
        max_size=20,
    )
)
@settings(max_examples=500, deadline=None)
def test_no_heap_of_tokens_crashes_the_parser(pieces: list[str]) -> None:
    text = "".join(pieces)
    _read_or_refused(text)


NAMES = st.sampled_from(["a", "b-c", "d.e", "_x", "and", "or", "div", "mod", "hộ"])
LEAVES: st.SearchStrategy[Expression] = st.one_of(
    st.floats(0, 1e12, allow_nan=False).map(Number),
    st.text("abc '/[]<é", max_size=5).map(Text),
    st.tuples(st.sampled_from(["", "/"]), st.lists(NAMES, min_size=1, max_size=3)).map(
        lambda made: Path(made[0], tuple(Step("child", name) for name in made[1]))
    ),
    st.just(Path("", (Step("self"),))),
    st.just(Path("", (Step("parent"), Step("child", "a")))),
)


def _grown(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    ranks = [("or",), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod")]

    def chain(rank: tuple[str, ...]) -> st.SearchStrategy[Expression]:
        tail = st.lists(st.tuples(st.sampled_from(rank), inner), min_size=1, max_size=3)
        return st.builds(
            lambda first, rest: Chain(first, tuple(rest)), inner.filter(lambda node: not _joins(node, rank)), tail
        )

    filtered = st.builds(lambda name, test: Path("/", (Step("child", name, (test,)),)), NAMES, inner)
    calls = st.builds(
        lambda name, given: Call(name, tuple(given)), st.sampled_from(["f", "jr:x"]), st.lists(inner, max_size=3)
    )
    return st.one_of(st.sampled_from(ranks).flatmap(chain), filtered, calls, inner.map(Negate))


def _joins(node: Expression, rank: tuple[str, ...]) -> bool:
    """A chain that begins with a chain of its own rank is read as one chain: not canonical."""
    return isinstance(node, Chain) and node.rest[0][0] in rank


@given(st.recursive(LEAVES, _grown, max_leaves=12))
@settings(max_examples=300, deadline=None)
def test_every_tree_is_read_back_from_what_it_prints(tree: Expression) -> None:
    assert parse(str(tree)) == tree
