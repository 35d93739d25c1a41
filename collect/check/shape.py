"""Where a node of the form stands: which groups hold it, which repeat it lives in, what lies above that repeat."""

from __future__ import annotations

from collect.forms import Form


def innermost(form: Form, path: str) -> str:
    """The innermost repeat at or around a path (a repeat lives in its own rows); the root when there is none."""
    around = [repeat for repeat in form.repeats if path == repeat or path.startswith(repeat + "/")]
    return max(around, key=len, default=form.root)


def ancestors(form: Form, path: str) -> list[str]:
    """Sections strictly above a path, outermost first."""
    return [section.path for section in form.sections if path.startswith(section.path + "/")]


def above(form: Form, repeat: str) -> str:
    """The repeat (or the root) one level up."""
    return next(section.parent_repeat for section in form.sections if section.path == repeat)


def parent_path(path: str) -> str:
    """The path one step up, whatever stands there."""
    return path.rsplit("/", 1)[0]
