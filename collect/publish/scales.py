"""What a map can show of communes, and how it looks: the verdict, the value against its target, or how sure it is.

Colour never speaks alone: every class has a hatch of its own or a lightness of its own, and text on the commune.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from collect.i18n import t
from collect.i18n.figures import NOTHING, number, whole_percent
from collect.targets import Target

Hatch = Literal["", "/", "\\", ".", "x"]
Show = Literal["verdict", "value", "uncertainty"]
SHOWS: tuple[Show, ...] = ("verdict", "value", "uncertainty")
STEPS = (0.2, 0.1)  # how far below the target the classes of the value end: twenty points, ten points
HALF_WIDTHS = (0.05, 0.1, 0.15, 0.2)  # of the 95 % interval, where the classes of precision end
SIGNS = {">=": "≥\u00a0", ">": ">\u00a0", "=": ""}


@dataclass(frozen=True, slots=True)
class Look:
    """How a class looks. ``ink`` draws the hatch; ``mark`` stands on the commune, dark where the fill is light."""

    colour: str
    hatch: Hatch
    ink: str
    mark: str
    dark_mark: bool


# Blue and brown differ for every kind of colour blindness, orange and grey in lightness; hatch and mark speak in grey.
LOOKS: Mapping[str, Look] = {
    "met": Look("#1f6fb4", "", "#ffffff", "✓", False),
    "not_met": Look("#b5402c", "\\", "#e8a797", "✕", False),
    "undecided": Look("#f2a65a", "/", "#c06f1d", "?", True),
    "no_data": Look("#d3d9e0", ".", "#7b8794", "–", True),
}
NO_FIGURE = LOOKS["no_data"]
VALUE_LOOKS = {
    "over": Look("#1f6fb4", "", "#ffffff", "", False),
    "near": Look("#f7dcb4", "", "#d9a55b", "", True),
    "below": Look("#e59a53", "\\", "#b86a20", "", True),
    "far": Look("#8f3220", "x", "#d58a77", "", False),
    "none": NO_FIGURE,
}
UNCERTAINTY_LOOKS = {
    "tight": Look("#dcd3ee", "", "#a99bc9", "", True),
    "fair": Look("#b3a6d3", "", "#8571b5", "", True),
    "wide": Look("#8a78b8", "/", "#bcb0de", "", False),
    "wider": Look("#65509a", "\\", "#9a89c9", "", False),
    "vague": Look("#3f2d73", "x", "#7e6bb0", "", False),
    "none": NO_FIGURE,
}

GROUND: Mapping[str, Mapping[str, str | float]] = {  # water and roads in the order they are drawn, as Leaflet says it
    "water": {"color": "#5aa0d0", "fillColor": "#bfe0f2", "weight": 1.2, "opacity": 1, "fillOpacity": 0.9},
    "roads": {"color": "#4b5563", "fillColor": "none", "weight": 1.1, "opacity": 0.75, "fillOpacity": 0},
}


class Figures(Protocol):
    """What a commune's class is read from; a value is None where nothing is known or shown."""

    @property
    def verdict(self) -> str:
        """met, not_met, undecided or no_data."""

    @property
    def value(self) -> float | None:
        """The estimated share, 0 to 1."""

    @property
    def ci_low(self) -> float | None:
        """Lower end of the 95 % interval."""

    @property
    def ci_high(self) -> float | None:
        """Upper end of the 95 % interval."""


@dataclass(frozen=True, slots=True)
class Scale:
    """One way to colour the communes against a target."""

    show: Show
    target: Target

    @property
    def looks(self) -> Mapping[str, Look]:
        """Every class with its look, in the order of the legend."""
        if self.show == "verdict":
            return LOOKS
        if self.show == "uncertainty":
            return UNCERTAINTY_LOOKS
        edges = {"below": float(self.target.value) - STEPS[1], "far": float(self.target.value) - STEPS[0]}
        return {code: look for code, look in VALUE_LOOKS.items() if edges.get(code, 1.0) > 0}

    def of(self, place: Figures) -> str:
        """The class of a commune."""
        if self.show == "verdict":
            return place.verdict
        if place.value is None:
            return "none"
        if self.show == "value":
            return self._by_value(place.value)
        if place.ci_low is None or place.ci_high is None:
            return "none"
        return self._by_width((place.ci_high - place.ci_low) / 2)

    def _by_width(self, half: float) -> str:
        limits = zip(UNCERTAINTY_LOOKS, HALF_WIDTHS, strict=False)
        return next((code for code, limit in limits if half <= limit + 1e-9), "vague")

    def _by_value(self, value: float) -> str:
        need = float(self.target.value)
        if value > need or (value == need and self.target.operator != ">"):
            return "over"
        short = need - value
        if short <= STEPS[1] + 1e-9:
            return "near"
        return "below" if short <= STEPS[0] + 1e-9 else "far"

    def mark(self, place: Figures, lang: str) -> str:
        """What stands on the commune: the verdict's sign, its value in percent, or plus or minus how many points."""
        if self.show == "verdict":
            return LOOKS[place.verdict].mark
        if place.value is None:
            return NOTHING
        if self.show == "value":
            return number(_points(place.value, self._by_value), lang)
        if place.ci_low is None or place.ci_high is None:
            return NOTHING
        return f"±{number(_points((place.ci_high - place.ci_low) / 2, self._by_width), lang)}"

    def label(self, code: str, lang: str) -> str:
        """A class in words, for the legend."""
        if self.show == "verdict":
            return t(f"verdict.{code}", lang)
        if code == "none":
            return t("scale.none", lang)
        if self.show == "uncertainty":
            limits = [number(limit * 100, lang) for limit in HALF_WIDTHS]
            texts = dict(zip(UNCERTAINTY_LOOKS, limits, strict=False))
            return f"≤ ±{texts[code]}" if code in texts else f"> ±{limits[-1]}"
        need, near, far = (
            whole_percent(max(float(self.target.value) - step, 0), lang) for step in (0.0, STEPS[1], STEPS[0])
        )
        ranges = {"near": f"{near}\u2009–\u2009{need}", "below": f"{far}\u2009–\u2009{near}", "far": f"< {far}"}
        return f"{SIGNS[self.target.operator]}{need}" if code == "over" else ranges[code]


def _points(share: float, class_of: Callable[[float], str]) -> float:
    """A share in whole points; with a tenth where they would lie in another class, as 79.6 % beside a target of 80."""
    whole = round(share * 100)
    return whole if class_of(whole / 100) == class_of(share) else round(share * 100, 1)
