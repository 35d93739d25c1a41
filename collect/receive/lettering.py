"""Finds out how letters were written down, by evidence: Vietnamese was coded in half a dozen ways before Unicode.

Every candidate is tried, and the words it gives are compared with the form's own words and with how a Vietnamese
syllable is built. The best counts when it is good and clearly better than any that reads otherwise; else we ask.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

GOOD = 0.6  # of the words that are not plain ASCII: below this a reading is no reading
CLEARLY = 0.15  # better than the next
MOST_WORDS = 5_000  # looked at
TONES = "\u0300\u0301\u0303\u0309\u0323"
CHUNK = re.compile(r"[^\s!-,./:-@\[-`{-~0-9]+")  # between blanks, digits and ASCII punctuation ("-" apart)

ANSI = "".join(bytes([byte]).decode("cp1252", "replace").replace("\ufffd", chr(byte)) for byte in range(256))

# TCVN 5712-3 (ABC): one letter a byte, what fonts named .VnTime show. Capitals are the same bytes in other fonts.
_TCVN3_FROM = "µ¸¶·¹¨»¾¼½Æ©ÇÊÈÉË®ÌÐÎÏÑªÒÕÓÔÖ×ÝØÜÞßãáâä«åèæçé¬êíëìîïóñòô\u00adõøö÷ùúýûüþ¡¢§£¤¥¦"
_TCVN3_TO = "àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵĂÂĐÊÔƠƯ"
TCVN3 = str.maketrans(_TCVN3_FROM, _TCVN3_TO)

# VNI: a letter, then a byte for its marks.
_GRAVE, _ACUTE, _TILDE, _HOOK, _DOT, _ROOF, _BREVE = (
    "\u0300",
    "\u0301",
    "\u0303",
    "\u0309",
    "\u0323",
    "\u0302",
    "\u0306",
)
_TONE_MARKS = {"ø": _GRAVE, "ù": _ACUTE, "û": _HOOK, "õ": _TILDE, "ï": _DOT}
_ROOFED = {"â": "", "à": _GRAVE, "á": _ACUTE, "å": _HOOK, "ã": _TILDE, "ä": _DOT}
_SHORT = {"ê": "", "è": _GRAVE, "é": _ACUTE, "ú": _HOOK, "ü": _TILDE, "ë": _DOT}
_VNI_ALONE = {"ô": "ơ", "ö": "ư", "ñ": "đ", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}


def _vni_pairs() -> dict[str, str]:
    pairs: dict[str, str] = {}
    for vowel in "aeouyôö":
        base = _VNI_ALONE.get(vowel, vowel)
        pairs |= {vowel + mark: base + tone for mark, tone in _TONE_MARKS.items()}
        if vowel in "aeo":
            pairs |= {vowel + mark: vowel + _ROOF + tone for mark, tone in _ROOFED.items()}
        if vowel == "a":
            pairs |= {vowel + mark: vowel + _BREVE + tone for mark, tone in _SHORT.items()}
    pairs |= _VNI_ALONE
    composed = {written: unicodedata.normalize("NFC", letter) for written, letter in pairs.items()}
    titles = {written[0].upper() + written[1:]: letter.upper() for written, letter in composed.items()}
    return {**titles, **{written.upper(): letter.upper() for written, letter in composed.items()}, **composed}


VNI = _vni_pairs()
_VNI_LETTER = re.compile("|".join(sorted(map(re.escape, VNI), key=len, reverse=True)))


def from_tcvn3(text: str) -> str:
    """Letters of a .VnTime font as Unicode; among capitals they are capitals."""
    return CHUNK.sub(_in_case, text)


def _in_case(found: re.Match[str]) -> str:
    word = found.group()
    plain = [letter for letter in word if "A" <= letter <= "Z" or "a" <= letter <= "z" or letter in "¡¢£¤¥¦§"]
    read = word.translate(TCVN3)
    capital = len(plain) > 1 and all(not letter.islower() for letter in plain)
    return read.upper() if capital else read


def from_vni(text: str) -> str:
    """Letters of a VNI font as Unicode."""
    return _VNI_LETTER.sub(lambda found: VNI[found.group()], text)


def from_twice_utf8(text: str) -> str:
    """UTF-8 that was taken for windows-1252 or latin-1 and written as UTF-8 again; the text itself where it was not.

    Only where all of it is UTF-8, and gives letters that Vietnamese or Khmer text may hold: by chance nobody writes so.
    """
    try:
        read = bytes(_ANSI_BYTE[letter] for letter in text).decode()
    except (KeyError, UnicodeDecodeError):
        return text
    odd = [letter for letter in read if not letter.isascii()]
    ours = any(letter.isalpha() for letter in odd) and all(_may_stand(letter) for letter in odd)
    return read if ours else text


def _may_stand(letter: str) -> bool:
    """Whether a letter is one of Vietnamese or Khmer, a mark of theirs, or a sign between words."""
    if letter.isalpha():
        apart = unicodedata.normalize("NFD", letter)
        return letter in "đĐ" or KHMER[0] <= letter <= KHMER[1] or (apart[0].isascii() and not FOREIGN & {*apart[1:]})
    return letter.isprintable() or letter in "\u00a0\u200b\u200c\u200d"


KHMER = ("\u1780", "\u17ff")
FOREIGN = {"\u0308", "\u030a", "\u030c", "\u0327", "\u0328", "\u030b", "\u0304", "\u0307"}  # as in ä å č ç ą ő ā ż
_ANSI_BYTE = {chr(byte): byte for byte in range(256)} | {letter: byte for byte, letter in enumerate(ANSI)}


def ansi(data: bytes) -> str:
    """Bytes as windows-1252, the five it leaves open as control characters, like Windows itself."""
    return data.decode("latin-1").translate(_ANSI_LETTER)


_ANSI_LETTER = {byte: ANSI[byte] for byte in range(128, 160)}

# How bytes that are no UTF-8 may have been written, the likeliest first.
ENCODINGS: Mapping[str, Callable[[bytes], str]] = {
    "windows-1258": lambda data: unicodedata.normalize("NFC", data.decode("cp1258", "replace")),
    "windows-1252": ansi,
    "tcvn3": lambda data: from_tcvn3(ansi(data)),
    "vni": lambda data: from_vni(ansi(data)),
}
# How Unicode text may hold letters that only look right in an old font, or not at all.
FONTS: Mapping[str, Callable[[str], str]] = {"tcvn3": from_tcvn3, "vni": from_vni}
TWICE = "utf-8 twice"

ONSET = "ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdđghklmnprstvx]"
NUCLEUS = (
    "iêu|yêu|oai|oay|oao|oeo|uây|uôi|ươi|ươu|uya|uyê|uyu|uao|"
    "iê|yê|ia|ua|ưa|uô|ươ|uơ|uê|uâ|uy|oa|oă|oe|oo|ai|ao|au|ay|âu|ây|eo|êu|iu|oi|ôi|ơi|ui|ưi|ưu|"
    "[aăâeêioôơuưy]"
)
SYLLABLE = re.compile(rf"(?:{ONSET})?(?:{NUCLEUS})(?P<coda>ch|nh|ng|[cmnpt])?", re.IGNORECASE)
STOPS = ("c", "ch", "p", "t")
ALLOWED_ON_STOPS = ("\u0301", "\u0323")


def is_vietnamese(word: str) -> bool:
    """Whether a word is built like a Vietnamese syllable: one tone at most; before a stop, rising or heavy."""
    apart = unicodedata.normalize("NFD", word)
    tones = [mark for mark in apart if mark in TONES]
    bare = unicodedata.normalize("NFC", "".join(mark for mark in apart if mark not in TONES))
    found = SYLLABLE.fullmatch(bare)
    if found is None or len(tones) > 1 or word not in (word.lower(), word.upper(), word.capitalize()):
        return False
    coda = (found["coda"] or "").lower()
    return coda not in STOPS or (bool(tones) and tones[0] in ALLOWED_ON_STOPS)


def plausibility(texts: Iterable[str], known: frozenset[str]) -> float:
    """The share of words that are not plain ASCII which can have been meant: words of the form, or Vietnamese ones."""
    words = {word.strip("-") for text in texts for word in CHUNK.findall(text)}
    odd = [word for word in words if not word.isascii()]
    return sum(_can_be(word, known) for word in odd) / len(odd) if odd else 0.0


def _can_be(word: str, known: frozenset[str]) -> float:
    plain = unicodedata.normalize("NFC", word).casefold()
    return 1.0 if plain in known else 0.9 if all(is_vietnamese(part) for part in word.split("-")) else 0.0


def best_reading(readings: Mapping[str, list[str]], known: frozenset[str]) -> tuple[str | None, tuple[str, ...]]:
    """The name of the reading to take, or None and the names of those that could be meant, if there are any."""
    scores = {name: plausibility(texts, known) for name, texts in readings.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] < GOOD:
        return None, ()
    rivals = [n for n in scores if readings[n] != readings[best] and scores[n] > scores[best] - CLEARLY]
    return (None, (best, *rivals)) if rivals else (best, ())


def words_in(texts: Iterable[str]) -> frozenset[str]:
    """The words of labels, as evidence."""
    return frozenset(
        word.casefold() for text in texts for word in CHUNK.findall(unicodedata.normalize("NFC", text)) if len(word) > 1
    )
