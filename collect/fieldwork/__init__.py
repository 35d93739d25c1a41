"""How field work goes: what a team's interviews look like, how far the sample is covered, and one interview opened.

Everything here reads what is stored and keeps nothing; who may see the result is decided by who asks for it.
"""

from collect.fieldwork.gathered import Field, field_of, versions_named
from collect.fieldwork.interview import Answer, Interview, side_by_side, the_interview
from collect.fieldwork.progress import by_day, clusters, communes, next_places, per_hamlet
from collect.fieldwork.quality import interviewers, minutes, rules, started, strayed

__all__ = [
    "Answer", "Field", "Interview", "by_day", "clusters", "communes", "field_of", "interviewers", "minutes",
    "next_places", "per_hamlet", "rules", "side_by_side", "started", "strayed", "the_interview",
    "versions_named",
]  # fmt: skip
