"""Forms: from XLSForm, XForm XML or a Kobo asset to one model, whoever wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collect.define import form_from_kobo_asset, form_from_xform, form_from_xlsform, load_form, load_forms
from collect.define.xform import form_from_xform as read_xform
from collect.forms import Choice, Design, Form
from collect.problems import DefinitionError

HOUSE = """
Words around the tables are for people.

| survey |
| | type | name | label::Tiếng Việt (vi) | label::English (en) | hint::Tiếng Việt (vi) | hint::English (en) | required | relevant | constraint | constraint_message::Tiếng Việt (vi) | constraint_message::English (en) | calculation | choice_filter | repeat_count |
| | start | start | | | | | | | | | | | | |
| | today | today | | | | | | | | | | | | |
| | select_one province | province | Tỉnh | Province | | | yes | | | | | | | |
| | select_one commune | commune | Xã | Commune | Chọn xã | Choose | yes | ${province} != '' | | | | | province = ${province} | |
| | begin_group | house | Nhà | House | | | | ${commune} != '' | | | | | | |
| | integer | size | Số người | Size | | | yes | | . > 0 and . < 31 | Từ 1 đến 30 | 1 to 30 | | | |
| | begin_repeat | member | Người | Member | | | | | | | | | | ${size} |
| | integer | age | Tuổi | Age | | | | | . >= 0 | | | | | |
| | select_multiple account | account | Tài khoản | Account | | | | ${age} >= 15 | | | | | | |
| | end_repeat | | | | | | | | | | | | | |
| | end_group | | | | | | | | | | | | | |
| | calculate | adults | | | | | | | | | | count(${member}) | | |
| | note | thanks | Có ${adults} người | ${adults} people | | | | | | | | | | |

| choices |
| | list_name | name | label::Tiếng Việt (vi) | label::English (en) | province |
| | province | 01 | Một | One | |
| | province | 86 | Vĩnh Long | Vinh Long | |
| | commune | 29242 | Trà Vinh | Tra Vinh | 86 |
| | account | bank | Ngân hàng | Bank | |
| | account | card | Thẻ | Card | |

| settings |
| | form_id | version | form_title | default_language |
| | house | 7 | Phiếu hộ | Tiếng Việt (vi) |
"""  # noqa: E501  # a form's rows are as long as they are
VI, EN = "Tiếng Việt (vi)", "English (en)"


@pytest.fixture(scope="module")
def house() -> Form:
    return form_from_xlsform(HOUSE)


def test_a_form_says_who_it_is_and_its_default_language_comes_first(house: Form) -> None:
    assert (house.form_id, house.version, house.title, house.root) == ("house", "7", "Phiếu hộ", "/data")
    assert house.languages == (VI, EN)


def test_questions_stand_in_the_order_of_the_form_with_their_innermost_repeat(house: Form) -> None:
    asked = [(question.path, question.type, question.repeat) for question in house.questions if question.appears]
    assert asked == [
        ("/data/province", "select_one", "/data"),
        ("/data/commune", "select_one", "/data"),
        ("/data/house/size", "int", "/data"),
        ("/data/house/member/age", "int", "/data/house/member"),
        ("/data/house/member/account", "select_multiple", "/data/house/member"),
        ("/data/thanks", "string", "/data"),
    ]
    assert house.repeats == ("/data", "/data/house/member")


def test_a_choice_filter_is_the_text_between_the_brackets(house: Form) -> None:
    commune = house.by_path["/data/commune"]
    assert commune.choice_list == "commune"
    assert "".join((commune.choice_filter or "").split()) == "province=/data/province"


def test_choices_keep_leading_zeros_further_columns_and_words_of_every_language(house: Form) -> None:
    assert house.choices["province"][0].name == "01"
    assert house.choices["commune"] == (Choice("29242", {VI: "Trà Vinh", EN: "Tra Vinh"}, {"province": "86"}),)


def test_rules_and_messages_are_read_as_the_xform_states_them(house: Form) -> None:
    size = house.by_path["/data/house/size"]
    assert (size.required, size.constraint) == ("true()", ". > 0 and . < 31")
    assert size.constraint_messages == {VI: "Từ 1 đến 30", EN: "1 to 30"}
    assert house.by_path["/data/commune"].hints == {VI: "Chọn xã", EN: "Choose"}


def test_a_value_shown_inside_words_stands_under_its_name(house: Form) -> None:
    assert house.by_path["/data/thanks"].labels == {VI: "Có ${adults} người", EN: "${adults} people"}


def test_sections_carry_relevance_and_the_count_of_their_rows(house: Form) -> None:
    group, repeat = house.sections
    assert (group.path, group.repeats, group.relevant) == ("/data/house", False, "/data/commune  != ''")
    assert (repeat.path, repeat.parent_repeat, repeat.count) == ("/data/house/member", "/data", "/data/house/size")


def test_what_the_device_fills_in_plays_its_part_without_being_named(house: Form) -> None:
    assert (house.design.started_at, house.design.interviewed_on) == ("/data/start", "/data/today")
    named = form_from_xform(house.xform, Design(interviewed_on="/data/house/size"))
    assert named.design.interviewed_on == "/data/house/size"


def test_or_other_is_recognised_by_the_question_it_opens(shared: Path) -> None:
    for version in json.loads(
        (shared / "exports/kobo_formpack_generated/or_other/kobo_asset_versions.json").read_text()
    ):
        form = form_from_kobo_asset(version["content"], form_id="or_other", version_id=version["version"])
        assert [(q.path, q.type, q.or_other) for q in form.questions if q.choice_list] == [
            ("/data/fav_emperor", "select_one", True),
            ("/data/fav_emperors", "select_multiple", True),
        ]
        assert form.languages == ("English (en)", "Esperanto (eo)")
        assert form.choices["emperors"][0].labels["Esperanto (eo)"] == "Julius Caesar"


FORMS_OF_OTHERS = {
    "central_generated/groupRepeat/form.xml": ("groupRepeat", 4, ("/data", "/data/child_repeat")),
    "central_generated/hh_vi_km/form.xml": ("hh_survey", 18, ("/data", "/data/hh/member")),
    "central_generated/ona_transportation/form.xml": ("transportation_2011_07_25", 13, ("/data",)),
    "central_generated/selectMultiple/form.xml": ("selectMultiple", 2, ("/data",)),
    "central_generated/withrepeat/form.xml": ("withrepeat", 4, ("/data", "/data/children/child")),
    "kobo_formpack_generated/customer_satisfaction/form.xml": ("customer_satisfaction", 2, ("/data",)),
    "briefcase/all-data-types/all-data-types.xml": ("all-data-types", 10, ("/data",)),
    "briefcase/nested-repeats/nested-repeats.xml": (
        "nested-repeats",
        3,
        ("/data", "/data/g1", "/data/g1/g2", "/data/g1/g2/g3"),
    ),
}


@pytest.mark.parametrize("name", FORMS_OF_OTHERS)
def test_forms_that_other_platforms_export_are_read(shared: Path, name: str) -> None:
    form = form_from_xform((shared / "exports" / name).read_bytes())
    assert (form.form_id, len(form.questions), form.repeats) == FORMS_OF_OTHERS[name]


def test_every_type_of_the_all_types_form_is_recognised(shared: Path) -> None:
    form = form_from_xform((shared / "exports/briefcase/all-data-types/all-data-types.xml").read_bytes())
    assert [question.type for question in form.questions] == [
        "string", "int", "decimal", "date", "time", "dateTime", "geopoint", "geotrace", "geoshape", "barcode",
    ]  # fmt: skip
    assert all(question.appears for question in form.questions), "references relative to the root were not followed"


def test_the_xlsform_and_the_servers_xform_give_the_same_form(shared: Path) -> None:
    folder = shared / "exports/central_generated/hh_vi_km"
    own, served = form_from_xlsform(folder / "form.xlsx"), form_from_xform((folder / "form.xml").read_bytes())
    assert (own.questions, own.sections, own.choices) == (served.questions, served.sections, served.choices)


def test_a_form_without_settings_is_named_after_its_file(shared: Path) -> None:
    form = form_from_xlsform(shared / "exports/ona/tutorial_w_repeats/tutorial_w_repeats.xlsx")
    assert (form.form_id, form.repeats) == ("tutorial_w_repeats", ("/data", "/data/children"))


OLD = b"""<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
 xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>Old</h:title><model>
<instance><survey xmlns="http://example.org/old" xmlns:orx="http://openrosa.org/xforms" orx:version="3">
 <colour/><why/><row jr:template=""><n/></row><row><n/><extra/></row>
 <orx:meta><orx:instanceID/><orx:instanceName/></orx:meta></survey></instance>
<bind id="c" nodeset="/survey/colour" type="select1" required="true()"/>
<bind nodeset="/survey/why" type="xsd:string" relevant="/survey/colour = 'r'"/></model></h:head>
<h:body><select1 bind="c"><label>Colour</label><item><label>Red</label><value>r</value></item>
<item><label>Blue</label><value>b</value></item></select1>
<input ref="why"><label>Why <h:output value="/survey/colour"/>?</label></input>
<group><label>Rows</label><repeat nodeset="/survey/row"><input ref="n"><label>N</label></input></repeat></group>
</h:body></h:html>"""


def test_an_older_form_with_inline_choices_binds_by_id_and_its_own_root_is_read() -> None:
    form = form_from_xform(OLD)
    assert (form.form_id, form.version, form.root, form.languages) == ("http://example.org/old", "3", "/survey", ("",))
    colour = form.by_path["/survey/colour"]
    assert (colour.type, colour.required, colour.choice_list) == ("select_one", "true()", "/survey/colour")
    assert form.choices["/survey/colour"] == (Choice("r", {"": "Red"}), Choice("b", {"": "Blue"}))
    assert form.by_path["/survey/why"].labels == {"": "Why ${colour}?"}


def test_a_repeat_and_its_template_are_one_section_holding_what_either_has() -> None:
    form = form_from_xform(OLD)
    assert [(section.path, section.repeats, section.labels) for section in form.sections] == [
        ("/survey/row", True, {"": "Rows"})
    ]
    assert [question.path for question in form.questions_in("/survey/row")] == ["/survey/row/n", "/survey/row/extra"]


def test_the_name_of_a_submission_is_an_answer_and_its_identity_is_not() -> None:
    assert "/survey/meta/instanceName" in form_from_xform(OLD).by_path
    assert "/survey/meta/instanceID" not in form_from_xform(OLD).by_path


@pytest.mark.parametrize(
    "hostile",
    [
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + OLD.replace(b"Colour</label>", b"&a;</label>"),
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + OLD,
        b'<!DOCTYPE h:html SYSTEM "http://example.org/x.dtd">' + OLD,
        OLD[:-20],
        b"PK\x03\x04 not xml",
        b"",
        b"<data><a/></data>",
        b"<a>" * 100_000,
    ],
)
def test_hostile_or_broken_xml_is_refused_with_a_reason(hostile: bytes) -> None:
    with pytest.raises(DefinitionError) as error:
        read_xform(hostile, file="form.xml")
    assert error.value.code == "DEF-02"
    assert error.value.values["reason"]


@pytest.mark.parametrize("broken", [b"PK\x03\x04 not a workbook", b""])
def test_a_damaged_workbook_is_a_definition_error(broken: bytes) -> None:
    with pytest.raises(DefinitionError, match="DEF-01"):
        form_from_xlsform(broken)


def test_an_xlsform_that_does_not_compile_names_the_file_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text("| survey |\n| | type | name | label |\n| | text | a | ${nowhere} |\n")
    with pytest.raises(DefinitionError) as error:
        load_form(tmp_path)
    assert (error.value.code, error.value.values["file"]) == ("DEF-01", "form.md")
    assert "nowhere" in str(error.value.values["reason"])


FROM_FILE = """
| survey |
| | type | name | label | choice_filter | parameters |
| | select_one p | p | P | | |
| | select_one_from_file places.csv | place | Place | p = ${p} | value=code, label=title |
| choices |
| | list_name | name | label |
| | p | 86 | Vinh Long |
| settings |
| | form_id |
| | places |
"""


def test_choices_from_a_csv_file_are_read_when_it_lies_beside_the_form(tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text(FROM_FILE, encoding="utf-8")
    (tmp_path / "places.csv").write_text("code,title,p\n01,Một,86\n", encoding="utf-8-sig")
    form = load_form(tmp_path)
    name = form.by_path["/data/place"].choice_list
    assert form.choices[name or ""] == (Choice("01", {"": "Một"}, {"code": "01", "p": "86"}),)
    assert form.choices["places"][0].columns["title"] == "Một", "instance('places') may be asked for any column"


def test_a_list_that_is_not_there_is_unknown_rather_than_empty(tmp_path: Path) -> None:
    form = form_from_xlsform(FROM_FILE)
    assert form.by_path["/data/place"].choice_list not in form.choices
    (tmp_path / "form.md").write_text(FROM_FILE, encoding="utf-8")
    assert form.by_path["/data/place"].choice_list not in load_form(tmp_path).choices, "an upload may bring it"
    with pytest.raises(DefinitionError, match=r"DEF-12.*places\.csv"):
        form_from_xform(form.xform, folder=tmp_path)


def test_the_same_folder_is_read_once_and_a_changed_one_again(tmp_path: Path) -> None:
    (tmp_path / "form.md").write_text(HOUSE, encoding="utf-8")
    first = load_form(tmp_path)
    assert load_form(tmp_path) is first
    (tmp_path / "form.toml").write_text('household_size = "/data/house/size"\n', encoding="utf-8")
    assert load_form(tmp_path).design.household_size == "/data/house/size"


def test_a_kept_xform_gives_the_same_form_without_pyxform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, cache = tmp_path / "form.md", tmp_path / "cache"
    file.write_text(HOUSE, encoding="utf-8")
    made = form_from_xlsform(file, cache=cache)
    monkeypatch.setattr("collect.define.xlsform._convert", None)
    monkeypatch.setattr("collect.define.xlsform._from_file", None)
    assert form_from_xlsform(file, cache=cache) == made
    file.write_text(HOUSE + "\n", encoding="utf-8")
    with pytest.raises(TypeError):
        form_from_xlsform(file, cache=cache)


def test_two_forms_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "form.md").write_text(HOUSE, encoding="utf-8")
    with pytest.raises(DefinitionError, match="DEF-09"):
        load_forms(tmp_path)


def test_a_folder_without_forms_says_so(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="DEF-08"):
        load_forms(tmp_path)
    with pytest.raises(DefinitionError, match="DEF-08"):
        load_forms(tmp_path / "nowhere")


def test_our_forms_speak_three_languages_and_know_their_design() -> None:
    forms = {form.form_id: form for form in load_forms(Path(__file__).parents[1] / "forms")}
    assert set(forms) == {"household", "commune"}
    household = forms["household"]
    assert len(household.languages) == 3
    assert household.by_path[household.design.point].type == "geopoint"
    assert household.design.roster in household.repeats
    assert len(household.choices["commune"]) == 41
