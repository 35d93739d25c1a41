"""Knows where an XForm keeps its words: beside the question, or in one table per language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from collect.forms import Words

REFERENCE = re.compile(r"jr:itext\(\s*(?:'([^']*)'|\"([^\"]*)\")\s*\)")
MISSING = "-"  # what pyxform writes where a translation is missing
FORMS = ("", "long", "short")  # which <value> is read first; images, sound and guidance are no words
BLANKS = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class Itext:
    """``languages``: as the form writes them, the default first; ("",) for a form with one. ``texts``: id to words."""

    languages: tuple[str, ...]
    texts: Mapping[str, Words]

    def words_of(self, element: etree._Element) -> Words:
        """Words of a label or hint element, by language."""
        reference = element.get("ref", "")
        return self.words_of_text(reference) if "itext(" in reference else self.everywhere(text_of(element))

    def words_of_text(self, text: str) -> Words:
        """Words of an attribute: a reference into the table, or the words themselves."""
        match = REFERENCE.search(text)
        return self.texts.get(match.group(1) or match.group(2), {}) if match else self.everywhere(text.strip())

    def everywhere(self, text: str) -> Words:
        """The same words in every language: what a form shows that has not translated them."""
        return dict.fromkeys(self.languages, text) if text else {}


def read_itext(model: etree._Element) -> Itext:
    """Read all translations; a text that is only a dash is a translation nobody made, and is left out."""
    translations = [node for node in model.iter() if _local(node) == "translation"]
    translations.sort(key=lambda node: not node.get("default", "").startswith("true"))  # stable: the default first
    texts: dict[str, dict[str, str]] = {}
    for translation in translations:
        language = translation.get("lang", "")
        for text in translation:
            words = _value_of(text)
            if words:
                texts.setdefault(text.get("id", ""), {})[language] = words
    for words_by_language in texts.values():
        if set(words_by_language.values()) != {MISSING}:
            for language in [name for name, words in words_by_language.items() if words == MISSING]:
                del words_by_language[language]
    languages = tuple(dict.fromkeys(node.get("lang", "") for node in translations))
    return Itext(languages or ("",), texts)


def text_of(element: etree._Element) -> str:
    """The words in an element; a value shown inside them stands as ``${name}``, as the form's author wrote it."""
    parts = [element.text or ""]
    for child in element:
        if _local(child) == "output":
            shown = (child.get("value") or child.get("ref") or "").strip()
            parts.append("${" + shown.rsplit("/", 1)[-1].strip() + "}")
        else:
            parts.append(text_of(child) if isinstance(child.tag, str) else "")
        parts.append(child.tail or "")
    return BLANKS.sub(" ", "".join(parts)).strip()


def _value_of(text: etree._Element) -> str:
    values = {value.get("form", ""): text_of(value) for value in text if _local(value) == "value"}
    return next((values[form] for form in FORMS if values.get(form)), "")


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
