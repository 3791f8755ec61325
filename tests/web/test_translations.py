"""The pages in every language they offer: each phrase, with the same blanks to fill in, in all its grammar's forms."""

import re
from collections.abc import Callable
from gettext import GNUTranslations
from gettext import c2py as plural_rule
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask import render_template_string

import hatch_build
from jit_server import identity
from jit_server.audit.verbs import EVENTS
from jit_server.identity import LANGUAGES
from tests import builders

BLANK = re.compile(r"%\(\w+\)[sd]|\{\}|\d+|<[^>]*>|/api/[^\s,]+")
TRANSLATED = sorted(set(LANGUAGES) - {"en"})
SOURCES = {source.parts[-3]: source for source in hatch_build.catalogues()}
CATEGORIES = ("zero", "one", "two", "few", "many", "other")
PAGE = {"Accept": "text/html"}


def catalogue(language: str) -> Catalog:
    with SOURCES[language].open("rb") as words:
        return read_po(words, abort_invalid=True)


def forms(one) -> tuple[str, ...]:
    return one.string if one.pluralizable else (one.string,)


def test_the_languages_offered_are_those_with_a_catalogue():
    assert sorted(SOURCES) == TRANSLATED


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_is_level_with_the_sources(language, copied):
    """`make messages` mends it: what is missing, what went, and the order, so that a change shows as itself."""
    wanted = hatch_build.messages()
    assert len(wanted) > 450
    assert {one.id for one in catalogue(language) if one.id} == set(wanted)
    hatch_build.update()
    assert copied(language).read_text("utf-8") == SOURCES[language].read_text("utf-8")
    assert "\n#:" not in SOURCES[language].read_text("utf-8")


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_phrase_is_translated_and_nobody_doubts_it(language):
    words = catalogue(language)
    for one in words:
        if not one.id:
            continue
        assert not one.fuzzy, one.id
        assert len(forms(one)) == (words.num_plurals if one.pluralizable else 1), one.id
        for form in forms(one):
            assert form.strip() == form != "", one.id
    assert words.locale is not None
    assert list(words.check()) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_fills_the_same_blanks_in_every_form(language):
    for one in catalogue(language):
        if not one.id:
            continue
        original = one.id[0] if one.pluralizable else one.id
        wanted = sorted(BLANK.findall(original))
        for number, form in enumerate(forms(one)):
            found = sorted(BLANK.findall(form))
            said_in_words = one.pluralizable and language == "ar" and number < len(("none", "one", "two"))
            assert found == wanted or (said_in_words and found == []), form


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_number_takes_the_form_that_its_grammar_asks_for(language):
    rule = plural_rule(catalogue(language).plural_expr)
    plural = Locale(language).plural_form
    used = [name for name in CATEGORIES if name in {plural(n) for n in range(1000)}]
    assert [used[rule(n)] for n in range(1000)] == [plural(n) for n in range(1000)]


@pytest.mark.parametrize("language", TRANSLATED)
def test_hardly_a_phrase_is_left_as_it_was(language):
    """A catalogue full of English would pass every other test."""
    phrases = [one for one in catalogue(language) if one.id]
    same = [one.id for one in phrases if one.id == one.string]
    assert len(same) < len(phrases) / 50, same


def test_what_gettext_reads_is_compiled_from_what_is_written(copied):
    hatch_build.translate()
    with copied("nl").with_suffix(".mo").open("rb") as compiled:
        read = GNUTranslations(compiled)
    assert read.gettext("Chain of custody") == "Bewijsketen"
    assert read.ngettext("%(num)d day left", "%(num)d days left", 1) == "nog %(num)d dag"


def test_a_new_phrase_comes_empty_one_that_went_goes_and_the_rest_stays(copied):
    text = copied("nl").read_text("utf-8")
    kept = text.replace('msgid "Chain of custody"\nmsgstr "Bewijsketen"\n\n', "")
    assert kept != text
    copied("nl").write_text(kept + '\nmsgid "Of no page"\nmsgstr "Van geen pagina"\n', "utf-8")
    hatch_build.update()
    assert copied("nl").read_text("utf-8") == text.replace('msgstr "Bewijsketen"', 'msgstr ""')


@pytest.fixture
def copied(tmp_path, monkeypatch) -> Callable[[str], Path]:
    """The catalogues in a folder that a test may write to; where one of them is."""
    for language, source in SOURCES.items():
        target = tmp_path / language / "LC_MESSAGES" / source.name
        target.parent.mkdir(parents=True)
        target.write_bytes(source.read_bytes())
    monkeypatch.setattr(hatch_build, "TRANSLATIONS", tmp_path)
    return lambda language: tmp_path / language / "LC_MESSAGES" / "messages.po"


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """As `make assets` does."""
    hatch_build.translate()


@pytest.mark.parametrize(
    ("wanted", "language", "direction", "words"),
    [
        ("ar", "ar", "rtl", "تسجيل الدخول"),
        ("de-AT, en;q=0.5", "de", "ltr", "Anmelden"),
        ("nl", "nl", "ltr", "Aanmelden"),
        ("fr-BE", "fr", "ltr", "Se connecter"),
        ("mt", "en", "ltr", "Sign in"),
    ],
)
def test_the_browser_chooses_the_language_of_a_page_and_its_direction(client, wanted, language, direction, words):
    page = client.get("/login", headers=PAGE | {"Accept-Language": wanted}).text
    assert f'<html lang="{language}" dir="{direction}"' in page
    assert f"<h1>{words}</h1>" in page


def test_a_person_who_has_chosen_a_language_gets_it_whatever_the_browser_asks_for(app, world, house):
    who = world.person("DE")
    with world.work(who) as uow:
        identity.change_settings(uow, identity.Preferences(language="ar", zone="UTC", theme="auto", send_key="enter"))
    shown = builders.browser(app, house, who).get("/me", headers=PAGE | {"Accept-Language": "fr"}).text
    assert '<html lang="ar" dir="rtl"' in shown
    assert "<h1>إعداداتي وجلساتي</h1>" in shown


def test_a_problem_speaks_the_readers_language_on_a_page_and_english_to_a_program(client):
    asked = {"Accept-Language": "ar"}
    page = client.get("/nowhere", headers=asked | PAGE)
    assert "<h1>لا شيء هنا</h1>" in page.text
    answer = client.get("/api/v1/nowhere", headers=asked)
    assert (page.status_code, answer.status_code, answer.json["title"]) == (404, 404, "Nothing here")


def test_what_happened_is_told_in_the_language_of_each_page(app):
    """The words of events are kept between pages: kept untranslated, or the first reader's language would stay."""
    template = '{% import "ui/lists.html" as lists %}{{ lists.event_words("workspace:opened") }}'
    for language, words in (("de", "Arbeitsraum"), ("en", "Workspace opened"), ("fr", "Espace"), ("en", "Workspace")):
        with app.test_request_context(headers={"Accept-Language": language}):
            assert words.lower() in render_template_string(template).lower(), language


def test_an_event_without_words_shows_its_own_name(app):
    with app.test_request_context():
        template = '{% import "ui/lists.html" as lists %}{{ lists.event_words("thing:100% done") }}'
        assert render_template_string(template) == "thing:100% done"


def test_every_event_of_a_workspaces_log_is_said_in_words():
    """Others are the server's own, which no page lists."""
    servers = {"agency", "anchor", "invitation", "issuer", "person", "program", "scim", "witness"}
    words = (Path(__file__).parents[2] / "jit_server" / "web" / "templates" / "ui" / "lists.html").read_text()
    assert [event for event in EVENTS if event.split(":")[0] not in servers and f'"{event}"' not in words] == []
