"""Defined: what lies in ``forms/`` becomes `Form`, `Indicator` and `Target`, or a message that says what to mend."""

from collect.define.check import check_forms
from collect.define.design import check_design, load_design
from collect.define.diff import Change, diff_forms
from collect.define.evaluable import schema_of
from collect.define.findings import Finding
from collect.define.folder import find_form, form_at, load_form, load_forms, read_versions
from collect.define.indicators import check_indicator, load_indicators
from collect.define.lint import lint_file
from collect.define.targets import check_targets, load_targets
from collect.define.template import write_template
from collect.define.xform import form_from_xform
from collect.define.xlsform import form_from_kobo_asset, form_from_xlsform

__all__ = [
    "Change",
    "Finding",
    "check_design",
    "check_forms",
    "check_indicator",
    "check_targets",
    "diff_forms",
    "find_form",
    "form_at",
    "form_from_kobo_asset",
    "form_from_xform",
    "form_from_xlsform",
    "lint_file",
    "load_design",
    "load_form",
    "load_forms",
    "load_indicators",
    "load_targets",
    "read_versions",
    "schema_of",
    "write_template",
]
