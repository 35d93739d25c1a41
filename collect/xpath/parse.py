"""From text to tree: a tokenizer and a recursive-descent parser, linear in the text and bounded in depth."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.tree import RANKS, Axis, Call, Chain, Expression, Filtered, Negate, Number, Path, Step, Text

LONGEST = 200_000  # characters; the longest rule of the public forms we know has 6,000
DEEPEST = 80  # nested brackets and operators: far above any form, far below Python's own stack
WIDEST = 1_000  # operands of one chain: each is a level of the compiled expression

_SPACE = re.compile(r"[ \n\t\f\r]*")
# After an operand only an operator can follow; JavaRosa reads its letters without a border: "1 or2".
_OPERATOR = re.compile(r"(?P<word>and|or|div|mod)|(?P<sign>!=|<=|>=|//|::|[-=<>+*|/\[\](),])")
_NAME = r"[^\W\d][\w.\-]*"
_OPERAND = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    rf"|(?P<name>{_NAME}(?::(?:{_NAME}|\*))?)"
    r"|(?P<wild>\*)"
    r"|(?P<sign>\.\.|//|::|[-/.@\[\](),$])"
)
_ENDS_OPERAND = frozenset({"number", "text", "name", "wild"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number, text, name, wild (any child), sign, word (and, or, div, mod), end
    text: str
    position: int


class _Tokens:
    """Tokens one at a time: nothing is read beyond the first error."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.after_operand = False
        self.at = 0
        self.current = self._read()

    def next(self) -> _Token:
        """Take the current token and read the one after it."""
        taken = self.current
        self.after_operand = taken.kind in _ENDS_OPERAND or taken.text in (")", "]", ".", "..")
        self.current = self._read()
        return taken

    def take(self, *texts: str) -> _Token | None:
        """The current token when it is one of these signs or words, taken; else None."""
        if self.current.kind in ("sign", "word") and self.current.text in texts:
            return self.next()
        return None

    def _read(self) -> _Token:
        start = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
        if start >= len(self.text):
            self.at = start
            return _Token("end", "", start)
        found = (_OPERATOR if self.after_operand else _OPERAND).match(self.text, start)
        if found is None:
            found = self._adjacent(start)
        self.at = found.end()
        kind = str(found.lastgroup)
        return _Token(kind, found.group(), start)

    def _adjacent(self, start: int) -> re.Match[str]:
        character = self.text[start]
        if character in "'\"":
            raise XPathError(
                "syntax", f"The quotation mark {character} is opened but never closed.", start, found=character
            )
        message = f"'{character}' cannot stand here."
        if self.after_operand:
            message = f"An operator (and, or, =, +, ...) is missing before '{character}'."
        raise XPathError("syntax", message, start, found=character)


def parse(text: str) -> Expression:
    """The tree of ``text``. Raises `XPathError` with code and position; never anything else, whatever the text."""
    if len(text) > LONGEST:
        raise XPathError("too_long", f"The expression has {len(text):,} characters; {LONGEST:,} can be read.", LONGEST)
    tokens = _Tokens(text)
    tree = _Parser(tokens).expression()
    if tokens.current.kind != "end":
        raise _unexpected(tokens.current)
    return tree


def _unexpected(token: _Token) -> XPathError:
    if token.kind == "end":
        return XPathError("syntax", "The expression ends too early.", token.position, found="")
    return XPathError("syntax", f"'{token.text[:40]}' cannot stand here.", token.position, found=token.text[:40])


_BINARY = frozenset(RANKS) - {"|"}
_RANKS_APART = frozenset(RANKS[sign] for sign in _BINARY)


def _not_too_wide(operands: int, position: int) -> None:
    if operands > WIDEST:
        raise XPathError("too_deep", f"More than {WIDEST} operands in one chain.", position)


def _fold(operands: list[Expression], operators: list[_Token]) -> None:
    """Replace the last operators of one rank, and their operands, by one chain."""
    rank = RANKS[operators[-1].text]
    start = len(operators)
    while start and RANKS[operators[start - 1].text] == rank:
        start -= 1
    taken, parts = operators[start:], operands[start:]
    _not_too_wide(len(parts), taken[-1].position)
    rest = tuple((token.text, operand) for token, operand in zip(taken, parts[1:], strict=True))
    del operators[start:]
    operands[start:] = [Chain(parts[0], rest, parts[0].position)]


class _Parser:
    def __init__(self, tokens: _Tokens) -> None:
        self.tokens = tokens
        self.depth = 0

    def expression(self) -> Expression:
        """A whole expression; every bracket and predicate comes through here, so depth is counted here."""
        self._enter()
        tree = self._chains()
        self.depth -= 1
        return tree

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise XPathError("too_deep", f"More than {DEEPEST} levels of brackets.", self.tokens.current.position)

    def _chains(self) -> Expression:
        """Operands and operators, folded by rank without recursion (shift and reduce)."""
        operands = [self._unary()]
        operators: list[_Token] = []
        while (token := self.tokens.current).kind in ("sign", "word") and token.text in _BINARY:
            while operators and RANKS[operators[-1].text] > RANKS[token.text]:
                _fold(operands, operators)
            operators.append(self.tokens.next())
            operands.append(self._unary())
            _not_too_wide(len(operands) // len(_RANKS_APART), token.position)  # no use in reading on
        while operators:
            _fold(operands, operators)
        return operands[0]

    def _unary(self) -> Expression:
        signs = []
        while sign := self.tokens.take("-"):
            signs.append(sign.position)
            if len(signs) > DEEPEST:
                raise XPathError("too_deep", f"More than {DEEPEST} minus signs.", sign.position)
        tree = self._path()
        paths = [tree]
        while bar := self.tokens.take("|"):
            paths.append(self._path())
            _not_too_wide(len(paths), bar.position)
        if len(paths) > 1:
            tree = Chain(tree, tuple(("|", path) for path in paths[1:]), tree.position)
        for position in reversed(signs):
            tree = Negate(tree, position)
        return tree

    def _path(self) -> Expression:
        token = self.tokens.current
        if token.kind == "sign" and token.text == "//":
            raise _no_descendants(token.position)
        if self.tokens.take("/"):
            steps = self._steps() if self._at_step() else ()
            return Path("/", steps, token.position)
        if self._at_step() and not self._at_call():
            return Path("", self._steps(), token.position)
        primary = self._primary()
        predicates = self._predicates()
        if predicates:
            primary = Filtered(primary, predicates, token.position)
        if self.tokens.take("/"):
            return Path(primary, self._steps(), token.position)
        if self.tokens.current.text == "//" and self.tokens.current.kind == "sign":
            raise _no_descendants(self.tokens.current.position)
        return primary

    def _at_step(self) -> bool:
        token = self.tokens.current
        return token.kind in ("name", "wild") or (token.kind == "sign" and token.text in (".", "..", "@"))

    def _at_call(self) -> bool:
        if self.tokens.current.kind != "name" or self.tokens.current.text in ("node", "text"):
            return False
        after = _SPACE.match(self.tokens.text, self.tokens.at).end()  # type: ignore[union-attr]
        return self.tokens.text.startswith("(", after)

    def _primary(self) -> Expression:
        token = self.tokens.current
        if token.kind == "number":
            self.tokens.next()
            value = float(token.text)
            if math.isinf(value):
                raise XPathError("syntax", "The number is too large.", token.position, found=token.text[:40])
            return Number(value, token.position)
        if token.kind == "text":
            self.tokens.next()
            return Text(token.text[1:-1], token.position)
        if token.kind == "name":
            return self._call()
        if self.tokens.take("("):
            inner = self.expression()
            self._expect(")")
            return inner
        if token.text == "$":
            raise XPathUnsupported(
                "Variables ($name) are not part of ODK XPath; ${name} is replaced when the XLSForm is converted.",
                token.position,
            )
        raise _unexpected(token)

    def _call(self) -> Expression:
        name = self.tokens.next()
        self._expect("(")
        arguments: list[Expression] = []
        if not self.tokens.take(")"):
            arguments.append(self.expression())
            while self.tokens.take(","):
                arguments.append(self.expression())
            self._expect(")")
        return Call(name.text, tuple(arguments), name.position)

    def _steps(self) -> tuple[Step, ...]:
        steps = [self._step()]
        while self.tokens.take("/"):
            steps.append(self._step())
        if self.tokens.current.text == "//" and self.tokens.current.kind == "sign":
            raise _no_descendants(self.tokens.current.position)
        return tuple(steps)

    def _step(self) -> Step:
        token = self.tokens.current
        if self.tokens.take(".."):
            return Step("parent", "", self._predicates(), token.position)
        if self.tokens.take("."):
            return Step("self", "", self._predicates(), token.position)
        if self.tokens.take("@"):
            return Step("attribute", self._step_name(), self._predicates(), token.position)
        if not self._at_step():
            raise _unexpected(token)
        name = self._step_name()
        axis: Axis = "child"
        if self.tokens.take("::"):
            axis, name = self._spelled_out(name, token.position)
        elif self.tokens.take("("):
            raise XPathUnsupported(f"{name}() is not part of ODK XPath.", token.position, name=name)
        return Step(axis, name, self._predicates(), token.position)

    def _step_name(self) -> str:
        token = self.tokens.current
        if token.kind not in ("name", "wild"):
            raise _unexpected(token)
        return self.tokens.next().text

    def _spelled_out(self, axis: str, position: int) -> tuple[Axis, str]:
        name = self._step_name()
        if axis == "child" and name != "node":
            return "child", name
        if axis == "attribute":
            return "attribute", name
        if axis in ("self", "parent") and name == "node":
            self._expect("(")
            self._expect(")")
            return ("self", "") if axis == "self" else ("parent", "")
        raise XPathUnsupported(
            f"'{axis}::{name}' is not part of ODK XPath: only children, '.' and '..'.", position, name=axis
        )

    def _predicates(self) -> tuple[Expression, ...]:
        predicates: list[Expression] = []
        while self.tokens.take("["):
            predicates.append(self.expression())
            self._expect("]")
        return tuple(predicates)

    def _expect(self, sign: str) -> None:
        if not self.tokens.take(sign):
            token = self.tokens.current
            found = f"found '{token.text[:40]}'" if token.text else "the expression ends"
            raise XPathError(
                "syntax", f"'{sign}' is missing: {found}.", token.position, found=token.text[:40], expected=sign
            )


def _no_descendants(position: int) -> XPathUnsupported:
    return XPathUnsupported("'//' is not part of ODK XPath: write the whole path.", position, name="//")
