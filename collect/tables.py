"""Every table that travels between stages: its columns, units, keys and limits, declared before it is computed.

A stage ends with ``Gaps(GAPS.check(frame))``: every fault is listed at once, the frame is cut to its declared columns
in their order, and the brand lets mypy refuse a table that skipped a stage. The data dictionary is printed from the
same lines.
"""

from __future__ import annotations

from typing import NewType

import polars as pl

from collect.contract import Column, Table

Answers = NewType("Answers", dict[str, pl.DataFrame])  # by repeat path: the root's table first; all questions as text
Households = NewType("Households", pl.DataFrame)
Persons = NewType("Persons", pl.DataFrame)
Measures = NewType("Measures", pl.DataFrame)
Issues = NewType("Issues", pl.DataFrame)
Frame = NewType("Frame", pl.DataFrame)
Units = NewType("Units", pl.DataFrame)
Weights = NewType("Weights", pl.DataFrame)
Estimates = NewType("Estimates", pl.DataFrame)
Shared = NewType("Shared", pl.DataFrame)
Verdicts = NewType("Verdicts", pl.DataFrame)
Tallies = NewType("Tallies", pl.DataFrame)
SmallAreas = NewType("SmallAreas", pl.DataFrame)
Changes = NewType("Changes", pl.DataFrame)
Gaps = NewType("Gaps", pl.DataFrame)

SEVERITIES = ("error", "warning", "repaired")
STATUSES = ("accepted", "with_issues", "no_consent", "superseded", "sent_back", "rejected", "deleted")
REGIMES = ("census", "near_census", "clusters", "simple", "one_cluster", "empty")
VERDICTS = ("met", "not_met", "undecided", "no_data")
LEVELS = ("province", "commune", "hamlet")
WEIGHTINGS = ("frame", "answered", "equal")
CHANGE_LEVELS = ("province", "former_district", "commune")
CHANGE_REGIMES = ("census", "shared", "independent", "unknown")
CHANGE_REASONS = ("interval", "count", "one_round", "one_cluster", "ground")
CHANGED = ("better", "worse", "same", "cannot_tell")
COUNTED_IN = ("households", "people", "communes")
INTERVIEWS_REASONS = (
    "computed", "more_hamlets", "planned", "every_hamlet", "listed", "enumerate", "too_close", "no_guess", "return",
)  # fmt: skip
HOUSEHOLD_SOURCES = ("frame", "census_2019")
GAP_TYPES = ("build", "sell", "device", "account", "measure")

# Every answers table starts with these columns; the rest are questions, named by their path, all text.
ROOT_ANSWERS = Table(
    name="answers",
    one_row_per="submission as received",
    key=("submission_id",),
    open_ended=True,
    columns=(
        Column("submission_id", "text", "instanceID as the device gave it, 'uuid:' kept", required=True),
        Column("row_id", "text", "the form's root path", required=True),
        Column("form_version", "text", "version the submission names"),
        Column("submitted_at", "text", "when the server received it, as it wrote it"),
        Column("submitted_by", "text", "who sent it, as the server names them"),
        Column("device_id", "text", "device, as the server names it"),
        Column("review_state", "text", "the platform's own review state"),
        Column("replaces", "text", "instanceID of the submission this one edits (deprecatedID)"),
        Column("edits", "whole", "how often it was edited on the server; empty where the export does not say"),
        Column("found_in", "text", "file, sheet and row it was read from", required=True),
    ),
)
ROW_ANSWERS = Table(
    name="answers_of_repeat",
    one_row_per="repeat row as received",
    key=("submission_id", "row_id"),
    open_ended=True,
    columns=(
        Column("submission_id", "text", "submission the row belongs to", required=True),
        Column("row_id", "text", "positional path, '/data/roster/member[2]'", required=True),
        Column(
            "parent_row_id", "text", "row_id of the row one level up; the root path at the first level", required=True
        ),
        Column("index", "whole", "place among its siblings, from 1", required=True),
        Column("found_in", "text", "file, sheet and row it was read from", required=True),
    ),
)
HOUSEHOLDS = Table(
    name="households",
    one_row_per="submission: a household, or a commune's return",
    key=("submission_id",),
    open_ended=True,  # the typed questions of the root follow, by path
    columns=(
        Column("submission_id", "text", "instanceID", required=True),
        Column("upload_id", "text", "upload it came in", required=True),
        Column("form_version", "text", "version the submission names"),
        Column("status", "text", "what may be counted: accepted and with_issues are", required=True, among=STATUSES),
        Column("round", "text", "survey round"),
        Column("interviewed_on", "date", "day of the interview, on the device's own clock"),
        Column("interviewer", "text", "interviewer code"),
        Column("declared_commune", "text", "commune as answered, untouched"),
        Column("commune_code", "text", "official code after repair, zeros kept"),
        Column("vintage", "text", "vintage of commune_code"),
        Column("placed_by", "text", "answer, point, or both where they agree", among=("answer", "point", "both")),
        Column("hamlet", "text", "hamlet as answered"),
        Column("cluster", "text", "cluster drawn by the sample"),
        Column("stratum", "text", "stratum of the sample"),
        Column("weight_answered", "number", "weight given in the form, where it has one"),
        Column("household_size", "whole", "declared members", "people"),
        Column("longitude", "number", "of the point", "degrees, WGS 84", between=(-180, 180)),
        Column("latitude", "number", "of the point", "degrees, WGS 84", between=(-90, 90)),
        Column("accuracy_m", "number", "of the point, as the device states it", "metres"),
    ),
)
PERSONS = Table(
    name="persons",
    one_row_per="roster row",
    key=("submission_id", "row_id"),
    open_ended=True,
    columns=(
        Column("submission_id", "text", "household", required=True),
        Column("row_id", "text", "positional path of the row", required=True),
        Column("line", "whole", "place in the roster, from 1", required=True),
    ),
)
MEASURES = Table(
    name="measures",
    one_row_per="submission and indicator it has a say in",
    key=("submission_id", "indicator"),
    columns=(
        Column("submission_id", "text", "household or commune return", required=True),
        Column("indicator", "text", "indicator", required=True),
        Column("units", "whole", "units of the universe with a known answer", required=True),
        Column("unknown", "whole", "units of the universe whose answer is not known", required=True),
        Column("numerator", "number", "sum over known units", required=True),
        Column("denominator", "number", "sum over known units", required=True),
    ),
)
ISSUES = Table(
    name="issues",
    one_row_per="broken rule",
    key=(),
    columns=(
        Column("upload_id", "text", "upload; empty until the store knows it"),
        Column("submission_id", "text", "submission; empty when the trouble is the file's"),
        Column("row_id", "text", "row inside the submission"),
        Column("question", "text", "path of the question"),
        Column("code", "text", "key of problems.PROBLEMS", required=True),
        Column("severity", "text", "error, warning, or repaired", required=True, among=SEVERITIES),
        Column("value", "text", "the answer that broke the rule: never leaves data/"),
        Column("details", "text", "JSON object: what the message names (expected, limit, other value)"),
        Column("found_in", "text", "file, sheet and row"),
    ),
)
# An issue that follows from another: its details begin with the cause's code; see collect.check.causes.
FOLLOWS = pl.col("details").str.starts_with('{"follows": "').fill_null(False)
FRAME = Table(
    name="frame",
    one_row_per="hamlet that could have been drawn; and round, where they were drawn anew",
    key=("cluster", "round"),
    columns=(
        Column("cluster", "text", "cluster code, as the form's cluster question holds it", required=True),
        Column("commune_code", "text", "official code", required=True),
        Column("vintage", "text", "vintage of commune_code", required=True),
        Column("hamlet", "text", "hamlet code"),
        Column("hamlet_name", "text", "hamlet name"),
        Column("stratum", "text", "stratum of the sample", required=True),
        Column("households", "whole", "households listed", "households", required=True, between=(0, 100_000)),
        Column("probability", "share", "chance of the hamlet being drawn", "0 to 1", required=True, between=(0, 1)),
        Column("selected", "yes_no", "whether it was drawn", required=True),
        Column("round", "text", "survey round it was drawn for; empty: every round without rows of its own"),
    ),
)


def frame_of_round(frame: Frame | None, name: str | None) -> Frame | None:
    """What was drawn for this round; where nothing says so, what was drawn for every round."""
    if frame is None:
        return None
    own = frame.filter(pl.col("round") == name)
    return Frame(own if own.height else frame.filter(pl.col("round").is_null()))


UNITS = Table(
    name="units",
    one_row_per="commune in one vintage",
    key=("vintage", "code"),
    columns=(
        Column("vintage", "text", "2024, 2025-01 or 2025-07", required=True),
        Column("code", "text", "official code, five digits", required=True),
        Column("name_vi", "text", "full name with its type, 'Xã Long Đức'", required=True),
        Column("name_en", "text", "full name without diacritics, type in English", required=True),
        Column("name_km", "text", "Khmer name where an official source gives one"),
        Column("type", "text", "xã, phường or thị trấn", required=True, among=("xã", "phường", "thị trấn")),
        Column("province_code", "text", "province", required=True),
        Column("district_code", "text", "district, until 30 June 2025"),
        Column("district", "text", "district's full name; for 2025-07 the former districts the ground came from"),
        Column("households_2019", "whole", "census 2019", "households"),
        Column("population_2019", "whole", "census 2019", "people"),
        Column("area_km2", "number", "published area", "km²"),
        Column("longitude", "number", "a point inside the commune", "degrees, WGS 84"),
        Column("latitude", "number", "a point inside the commune", "degrees, WGS 84"),
        Column("source", "text", "where the row comes from", required=True),
        Column(
            "km_to_town", "number", "from its point to the town of the former district, the nearest of several", "km"
        ),
    ),
)
WEIGHTS = Table(
    name="weights",
    one_row_per="submission that may be counted and has a commune",
    key=("submission_id",),
    columns=(
        Column("submission_id", "text", "household or commune return", required=True),
        Column("unit", "text", "what one submission speaks for", required=True, among=("household", "commune")),
        Column("vintage", "text", "vintage of commune_code", required=True),
        Column("commune_code", "text", "official code", required=True),
        Column("hamlet", "text", "hamlet as answered"),
        Column("round", "text", "survey round; blank when the form has none", required=True),
        Column("interviewed_on", "date", "day of the interview"),
        Column("weight", "number", "households it stands for; 1 without a frame", "households", required=True),
        Column("weighting", "text", "where the weight comes from", required=True, among=WEIGHTINGS),
        Column("weight_designed", "number", "by the way of drawing alone, before anything was put right", "households"),
        Column("known_total", "number", "what the commune's weights were made to sum to; empty: nothing", "households"),
        Column("stratum", "text", "of the sample; the commune where nothing names one", required=True),
        Column("cluster", "text", "hamlet drawn by the sample; empty when the survey had no clusters"),
        Column("drawn_stratum", "text", "stratum within which drawn_unit was drawn", required=True),
        Column(
            "drawn_unit", "text", "what chance drew: a cluster, or a household where all hamlets are in", required=True
        ),
        Column("drawn_from", "number", "units of drawn_stratum in the frame; empty: as if drawn with replacement"),
        Column("hamlets_in_frame", "whole", "hamlets of the commune in the frame; empty without a frame"),
        Column("hamlets_reached", "whole", "clusters of the commune with an interview"),
        Column("households_listed", "whole", "of the commune, by the frame; empty without a frame", "households"),
        Column("households_interviewed", "whole", "of the commune, this round", "households", required=True),
        Column("fraction_interviewed", "number", "interviewed of listed; empty without a frame", "0 to 1"),
        Column("fully_listed", "yes_no", "every hamlet of the commune was to be enumerated", required=True),
    ),
)
ESTIMATES = Table(
    name="estimates",
    one_row_per="indicator, place and round",
    key=("indicator", "level", "vintage", "place", "round"),
    columns=(
        Column("indicator", "text", "indicator", required=True),
        Column("level", "text", "province, commune or hamlet", required=True, among=LEVELS),
        Column("vintage", "text", "vintage of the place code", required=True),
        Column("place", "text", "official code; hamlet code at hamlet level", required=True),
        Column("round", "text", "survey round", required=True),
        Column("unit", "text", "what one submission speaks for", among=("household", "commune")),
        Column("regime", "text", "how the uncertainty was found", required=True, among=REGIMES),
        Column("n", "whole", "units with a known answer", required=True),
        Column("unknown", "whole", "units whose answer is not known: they leave the share"),
        Column("n_households", "whole", "submissions they live in", required=True),
        Column("n_clusters", "whole", "clusters they live in", required=True),
        Column("n_base", "number", "what the known units stand for (n itself, or their residents): not weighted"),
        Column("n_holding", "number", "of n_base, those that hold: counted, not weighted"),
        Column("population", "whole", "units of the universe where all are listed; empty where estimated"),
        Column("numerator", "number", "weighted", "households, people or communes"),
        Column("denominator", "number", "weighted: the universe it speaks for", "households, people or communes"),
        Column("value", "share", "estimate", "0 to 1", between=(0, 1)),
        Column("std_error", "share", "linearised; empty when it cannot be known", "0 to 1"),
        Column("df", "number", "degrees of freedom"),
        Column("deff", "number", "design effect"),
        Column("deff_of_households", "number", "design effect if these households had been drawn one by one"),
        Column("n_effective", "number", "interviews a simple sample would need for the same error"),
        Column("ci_low", "share", "two-sided 95 % interval", "0 to 1", between=(0, 1)),
        Column("ci_high", "share", "two-sided 95 % interval", "0 to 1", between=(0, 1)),
        Column("lower_bound", "share", "one-sided 95 %", "0 to 1", between=(0, 1)),
        Column("upper_bound", "share", "one-sided 95 %", "0 to 1", between=(0, 1)),
        Column("first_interview_on", "date", "first day of interviews"),
        Column("last_interview_on", "date", "last day of interviews"),
    ),
)
VERDICT_COLUMNS = (
    Column("target_id", "text", "row of forms/targets.csv", required=True),
    Column("indicator", "text", "indicator", required=True),
    Column("level", "text", "province or commune", required=True, among=LEVELS),
    Column("vintage", "text", "vintage of the place code", required=True),
    Column("place", "text", "official code", required=True),
    Column("round", "text", "survey round", required=True),
    Column("verdict", "text", "met, not_met, undecided or no_data", required=True, among=VERDICTS),
    Column("p_meets", "share", "probability that the target is met", "0 to 1", between=(0, 1)),
    Column("interviews_needed", "whole", "more interviews that would settle it; empty when none are or none can"),
    Column(
        "reason",
        "text",
        "census, bound, interval, one_cluster, not_visited, no_answers, too_few, returns_missing",
        required=True,
    ),
    Column(
        "interviews_reason", "text", "how interviews_needed was found, or why it is empty", among=INTERVIEWS_REASONS
    ),
    Column(
        "hamlets_needed",
        "whole",
        "more hamlets, each with the usual interviews, that would settle it; for every_hamlet all that are left",
        "hamlets",
    ),
    Column("lower_bound", "share", "one-sided 95 %, as judged: design effect pooled", "0 to 1", between=(0, 1)),
    Column("upper_bound", "share", "one-sided 95 %, as judged: design effect pooled", "0 to 1", between=(0, 1)),
    Column("n_judged", "number", "interviews of a simple sample that would say as much, as judged"),
    Column("verdict_holm", "text", "when all communes are judged at once: no wrong verdict at 95 %", among=VERDICTS),
    Column("verdict_bh", "text", "when all communes are judged at once: 5 % of the verdicts wrong", among=VERDICTS),
    Column("verdict_always", "text", "however often one looked while interviews came in", among=VERDICTS),
    Column("certainly_met_from", "whole", "of a full list: so many holding settle it as met, whoever is left"),
    Column("certainly_missed_from", "whole", "of a full list: so many not holding settle it as not met"),
)
VERDICTS_TABLE = Table(
    name="verdicts",
    one_row_per="target, place and round",
    key=("target_id", "level", "vintage", "place", "round"),
    columns=VERDICT_COLUMNS,
)
TALLIES = Table(
    name="tallies",
    one_row_per="commune target, vintage and round",
    key=("target_id", "vintage", "round"),
    columns=(
        Column("target_id", "text", "target", required=True),
        Column("vintage", "text", "vintage of the communes", required=True),
        Column("round", "text", "survey round", required=True),
        Column("communes", "whole", "communes judged, those without data included", required=True),
        *(Column(name, "whole", f"communes with the verdict {name}", required=True) for name in VERDICTS),
        *(
            Column(f"{name}_{how}", "whole", f"communes with the verdict {name} after this correction", required=True)
            for how in ("holm", "bh")
            for name in ("met", "not_met")
        ),
        Column("meeting_low", "whole", "least number of communes that truly meet it, 95 %", required=True),
        Column("meeting_high", "whole", "greatest number of communes that truly meet it, 95 %", required=True),
    ),
)
SMALL_AREAS = Table(
    name="small_areas",
    one_row_per="indicator, commune and round, where a model was asked for; never used by verdicts",
    key=("indicator", "vintage", "place", "round"),
    columns=(
        Column("indicator", "text", "indicator", required=True),
        Column("vintage", "text", "vintage of the place code", required=True),
        Column("place", "text", "official code of the commune", required=True),
        Column("round", "text", "survey round", required=True),
        Column("how", "text", "counted, model, or synthetic", required=True, among=("counted", "model", "synthetic")),
        Column("direct", "share", "the direct estimate, from this commune alone", "0 to 1", between=(0, 1)),
        Column("value", "share", "model-based, scaled to the province", "0 to 1", required=True, between=(0, 1)),
        Column("root_mse", "number", "root of the model's mean squared error; empty for a count", "0 to 1"),
        Column("between", "number", "variance between communes that covariates leave; 0: all synthetic"),
    ),
)
SHARED = Table(
    name="shared",
    one_row_per="indicator, place and pair of rounds (both ways round) in which drawn hamlets were asked twice",
    key=("indicator", "level", "vintage", "place", "round_from", "round_to"),
    columns=(
        Column("indicator", "text", "indicator", required=True),
        Column("level", "text", "province, former_district or commune", required=True, among=CHANGE_LEVELS),
        Column("vintage", "text", "vintage of the place code", required=True),
        Column("place", "text", "official code", required=True),
        Column("round_from", "text", "one round", required=True),
        Column("round_to", "text", "the other", required=True),
        Column("clusters_shared", "whole", "drawn hamlets asked in both", required=True),
        Column("df", "whole", "shared hamlets less their strata", required=True),
        Column("covariance", "number", "of the two estimates", required=True),
        Column("products", "number", "of the hamlets' centred scores in both rounds, summed", required=True),
        Column("squares_from", "number", "of those of round_from, summed", required=True),
        Column("squares_to", "number", "of those of round_to, summed", required=True),
        Column("variance_from", "number", "of round_from's estimate, between its own drawn hamlets"),
        Column("variance_to", "number", "of round_to's estimate, between its own drawn hamlets"),
    ),
)
CHANGES = Table(
    name="changes",
    one_row_per="indicator, place and pair of rounds, the earlier first; no rows while there is one round",
    key=("indicator", "level", "vintage", "place", "round_from", "round_to"),
    columns=(
        Column("indicator", "text", "indicator", required=True),
        Column("level", "text", "province, former_district or commune", required=True, among=CHANGE_LEVELS),
        Column("vintage", "text", "vintage of the place code; of a former district the last it was in", required=True),
        Column("place", "text", "official code", required=True),
        Column("round_from", "text", "the earlier round", required=True),
        Column("round_to", "text", "the later round", required=True),
        Column("regime", "text", "how the error of the difference was found", required=True, among=CHANGE_REGIMES),
        Column("regime_from", "text", "of the earlier estimate; empty: not asked", among=REGIMES),
        Column("regime_to", "text", "of the later estimate; empty: not asked", among=REGIMES),
        Column("n_from", "whole", "units with a known answer in the earlier round"),
        Column("n_to", "whole", "units with a known answer in the later round"),
        Column("clusters_shared", "whole", "drawn hamlets asked in both rounds", required=True),
        Column("estimate_from", "share", "in the earlier round", "0 to 1", between=(0, 1)),
        Column("estimate_to", "share", "in the later round", "0 to 1", between=(0, 1)),
        Column("difference", "number", "later less earlier", "-1 to 1", between=(-1, 1)),
        Column("std_error", "share", "of the difference, shared hamlets' covariance in it; empty: unknown", "0 to 1"),
        Column("correlation", "number", "of the two estimates, as judged", "-1 to 1", between=(-1, 1)),
        Column("ci_low", "number", "two-sided 95 % interval of the difference", "-1 to 1", between=(-1, 1)),
        Column("ci_high", "number", "two-sided 95 % interval of the difference", "-1 to 1", between=(-1, 1)),
        Column("p_better", "share", "probability that it became better", "0 to 1", between=(0, 1)),
        Column("verdict", "text", "better, worse, same (counts only) or cannot_tell", required=True, among=CHANGED),
        Column("reason", "text", "interval, count, or why nobody can tell", required=True, among=CHANGE_REASONS),
    ),
)
GAPS = Table(
    name="gaps",
    one_row_per="target and commune that is not met, undecided or without data",
    key=("gap_id",),
    columns=(
        Column("gap_id", "text", "stable name of this gap: the same target and place keep it", required=True),
        Column("release", "text", "run it was published from", required=True),
        Column("as_of", "date", "last day of interviews that counted", required=True),
        Column("indicator", "text", "indicator", required=True),
        Column("target_id", "text", "target", required=True),
        Column("decision", "text", "decision that set the target", required=True),
        Column("operator", "text", "how the value is compared", required=True, among=(">=", ">", "=")),
        Column("target", "share", "share to reach", "0 to 1", required=True, between=(0, 1)),
        Column("target_year", "whole", "year the target is due", "year", required=True),
        Column("province_code", "text", "province", required=True),
        Column("commune_code", "text", "official code of commune_vintage, zeros kept", required=True),
        Column("commune_vintage", "text", "which list of communes the code belongs to", required=True),
        Column("commune_name", "text", "official name, Vietnamese", required=True),
        Column("hamlet", "text", "hamlet; empty when the row speaks of the whole commune"),
        Column("households", "whole", "households of the commune", "households"),
        Column(
            "households_source",
            "text",
            "where that number comes from: frame, the survey's household listing, or census_2019",
            among=HOUSEHOLD_SOURCES,
        ),
        Column("interviewed", "whole", "households interviewed", "households"),
        Column("estimate", "share", "estimated share", "0 to 1", between=(0, 1)),
        Column("ci_low", "share", "two-sided 95 % interval", "0 to 1", between=(0, 1)),
        Column("ci_high", "share", "two-sided 95 % interval", "0 to 1", between=(0, 1)),
        Column("verdict", "text", "not_met, undecided or no_data", required=True, among=VERDICTS),
        Column("p_meets_target", "share", "probability that the target is met", "0 to 1", between=(0, 1)),
        Column("gap_type", "text", "who can close it", required=True, among=GAP_TYPES),
        Column(
            "universe",
            "whole",
            "what estimate is a share of: all listed where enumerated, else those interviewed, scaled to households; "
            "an unknown answer leaves estimate and stays here",
            "as needed_unit says",
        ),
        Column(
            "households_needed",
            "whole",
            "least whole number of universe that meets the target, less estimate × universe rounded down",
            "as needed_unit says",
        ),
        Column("households_needed_low", "whole", "if the truth is at ci_high", "as needed_unit says"),
        Column("households_needed_high", "whole", "if the truth is at ci_low", "as needed_unit says"),
        Column(
            "needed_unit", "text", "what households_needed counts: households, people or communes", among=COUNTED_IN
        ),
        Column(
            "priority", "whole", "1 is first: the largest need of each target, then the second of each", required=True
        ),
        Column("interviews_needed", "whole", "more interviews that would settle it", "households"),
        Column(
            "hamlets_needed",
            "whole",
            "more hamlets, each with the usual interviews, that would settle it; for every_hamlet all that are left",
            "hamlets",
        ),
        Column(
            "interviews_reason",
            "text",
            "what settles it: computed, these interviews in the hamlets drawn (or hamlets_needed instead); "
            "more_hamlets; planned, a first visit, at most a usual one; every_hamlet, the interviews over all hamlets, "
            "each with probability 1 in the frame; listed, from the list; enumerate, everybody left; too_close and "
            "no_guess, no number; return, the commune's own",
            among=INTERVIEWS_REASONS,
        ),
        Column("last_interview_on", "date", "last day of interviews here"),
        Column("suppressed", "yes_no", "figures withheld because too few were interviewed", required=True),
        Column("suppression_rule", "text", "which rule withheld them"),
        Column("longitude", "number", "a point inside the commune, never a household", "degrees, WGS 84"),
        Column("latitude", "number", "a point inside the commune, never a household", "degrees, WGS 84"),
        Column("geometry", "bytes", "the commune's outline, WKB, where boundaries are at hand"),
    ),
)
