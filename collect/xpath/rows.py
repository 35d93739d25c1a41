"""The same language a row at a time: for what no column can say, for the other engine's dialect, and as a second
opinion on the columns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from collect.xpath.errors import XPathError, XPathUnsupported
from collect.xpath.functions import refuse
from collect.xpath.instance import Moment, Node, items_of
from collect.xpath.row_values import Casts, Nodes, Value
from collect.xpath.schema import Schema
from collect.xpath.tree import Call, Chain, Expression, Filtered, Negate, Number, Path, Step, Text
from collect.xpath.web_values import WebCasts

COLLECT, WEB = Casts(), WebCasts()


@dataclass
class Lists:
    """The lists of choices of a schema as nodes, made once for many rows."""

    schema: Schema
    made: dict[str, Node] = field(default_factory=dict)

    def root(self, name: str, position: int) -> Node:
        """The list's own root element."""
        if name not in self.schema.lists:
            raise XPathError("unknown_instance", f"There is no list named '{name}'.", position, name=name)
        if name not in self.made:
            self.made[name] = items_of(self.schema, name)
        return self.made[name]


@dataclass(frozen=True, eq=False)
class Reader:
    """Evaluates one expression at one node. ``original`` is the node that current() names."""

    lists: Lists
    node: Node
    original: Node
    now: str | None = None
    casts: Casts = COLLECT
    place: int = 0  # inside a predicate, what position() says; 0 outside

    @property
    def schema(self) -> Schema:
        """The form's shape."""
        return self.lists.schema

    @property
    def in_list(self) -> bool:
        """Whether the context is an item of a list of choices."""
        return self.node.path.startswith("instance:")

    def value(self, tree: Expression) -> Value:
        """What ``tree`` comes to here."""
        match tree:
            case Number() | Text():
                return tree.value
            case Negate():
                return -self.casts.number(self.value(tree.operand))
            case Chain():
                return self._chain(tree)
            case Path():
                return self.nodes(tree)
            case Call():
                function = (WEB_FUNCTIONS if self.casts.web else FUNCTIONS).get(tree.name)
                if function is None:
                    raise refuse(tree)
                return function(self, tree)
            case Filtered():
                return self._filtered(tree)

    def _filtered(self, tree: Filtered) -> Nodes:
        found = self.value(tree.expression)
        if not self.casts.web or not isinstance(found, Nodes):
            raise XPathUnsupported("Predicates can stand in paths only.", tree.position)
        return self._passed(found, tree.predicates)

    # --- operators

    def _chain(self, tree: Chain) -> Value:
        operator = tree.rest[0][0]
        if operator in ("and", "or"):
            return self._logic(tree, stop=operator == "or")
        if operator == "|":
            return self._union(tree)
        result = self.value(tree.first)
        for sign, operand in tree.rest:
            result = self._binary(sign, result, self.value(operand))
        return result

    def _logic(self, tree: Chain, *, stop: bool) -> Value:
        """Read no further than needed; a browser gives the operand that decided, not its truth."""
        found = self.value(tree.first)
        for _, operand in tree.rest:
            if self.casts.truth(found) == stop:
                break
            found = self.value(operand)
        return found if self.casts.web else self.casts.truth(found)

    def _union(self, tree: Chain) -> Nodes:
        if not self.casts.web:
            raise XPathUnsupported("'|' joins node-sets; ODK Collect does not evaluate it.", tree.position, name="|")
        found, seen = Nodes(), set[int]()
        for operand in (tree.first, *(operand for _, operand in tree.rest)):
            part = self.value(operand)
            if not isinstance(part, Nodes):
                raise XPathError("type", "'|' joins paths.", tree.position, name="|")
            found.extend(node for node in part if id(node) not in seen)
            seen.update(map(id, part))
        return found

    def _binary(self, operator: str, left: Value, right: Value) -> Value:
        if operator == "=":
            return self.casts.same(left, right)
        if operator == "!=":
            return self.casts.differs(left, right)
        if operator in ("<", "<=", ">", ">="):
            return self.casts.ordered(operator, left, right)
        return _ARITHMETIC[operator](self.casts.number(left), self.casts.number(right))

    # --- paths

    def nodes(self, path: Path) -> Nodes:
        """The node-set of a path."""
        if isinstance(path.start, Call) and path.start.name == "instance":
            return self._in_list(path, path.start)
        if isinstance(path.start, str):
            home = self.original if self.in_list and path.start == "/" else self.node
        elif isinstance(path.start, Call) and path.start.name == "current":
            home = self.original
        else:
            return self._from_value(path, path.start)
        if path.start == "/":
            return self._absolute(path, home)
        return self._relative(path, Nodes([home]), False)

    def _from_value(self, path: Path, start: Expression) -> Nodes:
        found = self.value(start)
        if not isinstance(found, Nodes) or not self.casts.web:
            raise XPathUnsupported("A path can start from current() or instance() only.", path.position)
        return self._relative(path, found, found.free)

    def _in_list(self, path: Path, start: Call) -> Nodes:
        name = self.casts.text(self.value(start.arguments[0]))
        root = self.lists.root(name, start.position)
        first, steps = path.steps[0], path.steps[1:]
        if first.axis != "child" or first.name not in ("root", "*"):
            raise XPathUnsupported("Only instance('list')/root/item[...]/column can be evaluated here.", path.position)
        return self._relative(replace(path, steps=steps), Nodes([root]), False)

    def _absolute(self, path: Path, home: Node) -> Nodes:
        """JavaRosa holds an absolute path to the context's own rows as far as the two share steps."""
        line = home.line()
        found, free, same = Nodes(), False, not self.casts.web
        for level, step in enumerate(path.steps):
            if step.axis != "child" or step.name == "*":
                rest = replace(path, steps=path.steps[level:])
                return self._relative(rest, found if level else Nodes([_above(line[0])]), free)
            same = same and level < len(line) and line[level].name == step.name
            if level == 0:
                found = Nodes([line[0]]) if step.name == line[0].name else Nodes()
            elif same and not free and not step.predicates:
                found = Nodes([line[level]])
            else:
                found = Nodes(child for node in found for child in node.children.get(step.name, ()))
            if same and free and not step.predicates:  # below chosen rows still the row of the context's own number
                found = Nodes(node for node in found if node.place == line[level].place)
            free = free or (self._repeats(line[0], path, level) and (bool(step.predicates) or not same))
            found = self._passed(found, step.predicates)
        return self._marked(found, free, path)

    def _repeats(self, root: Node, path: Path, level: int) -> bool:
        prefix = "/" + "/".join(step.name for step in path.steps[: level + 1])
        return prefix in self.schema.tables and prefix != self.schema.root

    def _relative(self, path: Path, found: Nodes, free: bool) -> Nodes:
        for step in path.steps:
            found, opened = self._step(found, step)
            free = free or opened
            found = self._passed(found, step.predicates)
        return self._marked(found, free, path)

    def _step(self, found: Nodes, step: Step) -> tuple[Nodes, bool]:
        if step.axis == "attribute":
            raise XPathUnsupported(f"'{step}' cannot be evaluated here.", step.position, name=str(step))
        if step.axis == "child":
            if step.name == "*":
                return Nodes(child for node in found for child in node.all_children()), True
            below = Nodes(child for node in found for child in node.children.get(step.name, ()))
            return below, any(f"{node.path}/{step.name}" in self.schema.tables for node in found[:1])
        if step.axis == "parent":
            above = {id(node.parent): node.parent for node in found if node.parent is not None}
            if found and not above:
                raise XPathError("unknown_path", "The path climbs above the root.", step.position, path=str(step))
            found = Nodes(above.values())
        if step.predicates and not self.casts.web and found and found[0].path in self.schema.tables:
            parent = found[0].parent  # JavaRosa sets a row with a predicate free again
            return Nodes(parent.children[found[0].name]) if parent is not None else found, True
        return found, False

    def _marked(self, found: Nodes, free: bool, path: Path) -> Nodes:
        chosen = any(step.predicates for step in path.steps)
        found.free = free and not chosen
        found.position = path.position
        return found

    def _passed(self, found: Nodes, predicates: tuple[Expression, ...]) -> Nodes:
        for order, predicate in enumerate(predicates):
            kept, number, parent = Nodes(), 0, None
            for node in found:
                number = number + 1 if self.casts.web or node.parent is parent else 1
                parent = node.parent  # Collect counts places below each parent, a browser in the whole node-set
                inside = replace(self, node=node, place=node.place if order == 0 and not self.casts.web else number)
                if inside.keeps(inside.value(predicate)):
                    kept.append(node)
            found = kept
        return found

    def keeps(self, value: Value) -> bool:
        """JavaRosa keeps a node only when its predicate is a truth; in XPath 1.0 a number is a position."""
        if isinstance(value, float) and self.casts.web:
            return value == self.place
        if self.casts.web:
            return self.casts.truth(value)
        found = self.casts.single(value)
        return found if isinstance(found, bool) else False

    def clock(self) -> Moment | str:
        """The submission's own clock."""
        return Moment(self.now) if self.now else ""


def _above(root: Node) -> Node:
    """What stands above the root element: a document."""
    document = Node("", "")
    document.children[root.name] = [root]
    return document


def _divided(x: float, y: float) -> float:
    if y != 0:
        return x / y
    if x != x or x == 0 or y != y:
        return math.nan
    return math.copysign(math.inf, x) * math.copysign(1.0, y)


def _remainder(x: float, y: float) -> float:
    if y == 0 or x != x or y != y or math.isinf(x):
        return math.nan
    return math.fmod(x, y)


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "div": _divided,
    "mod": _remainder,
}

RowFunction = Callable[[Reader, Call], Value]
FUNCTIONS: dict[str, RowFunction] = {}  # filled by the row libraries
WEB_FUNCTIONS: dict[str, RowFunction] = {}
