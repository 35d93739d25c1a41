"""What can be wrong with an expression, said so that a form's author can mend it."""

from __future__ import annotations


class XPathError(Exception):
    """An expression that cannot stand.

    ``code`` is one of: syntax, too_long, too_deep, unknown_function, arity, unknown_path, unknown_instance, type,
    repeated, unsupported. ``position`` counts characters of the expression from 0; ``values`` holds what the message
    names, so that it can be said in other languages.
    """

    def __init__(self, code: str, message: str, position: int = 0, **values: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position
        self.values = values

    def __str__(self) -> str:
        return f"{self.message} (at character {self.position + 1})"


class XPathUnsupported(XPathError):  # noqa: N818 - a kind of XPathError; the name is the public contract
    """The expression is lawful, but its value cannot be known here: report it, never skip it in silence."""

    def __init__(self, message: str, position: int = 0, **values: str) -> None:
        super().__init__("unsupported", message, position, **values)
