"""The pages in every language they offer: each phrase, with the same blanks to fill in, in all its grammar's forms."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from jit_server.identity import LANGUAGES

ROOMS = Path(__file__).resolve().parents[2] / "jit_server"
BLANK = re.compile(r"%\(\w+\)[sd]|\{\}")
TRANSLATED = sorted(set(LANGUAGES) - {"en"})


def catalogue(language: str) -> Catalog:
    source = ROOMS / "web" / "translations" / language / "LC_MESSAGES" / "messages.po"
    with source.open("rb") as words:
        return read_po(words, locale=language)


def phrases() -> set[str]:
    methods = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
    found = extract_from_dir(ROOMS, methods, directory_filter=lambda folder: "__pycache__" not in folder)
    return {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_phrase_of_the_pages_is_translated(language):
    known = {one.id[0] if isinstance(one.id, tuple) else one.id for one in catalogue(language) if one.id and one.string}
    wanted = phrases()
    assert len(wanted) > 400
    assert wanted - known == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_fills_the_same_blanks_in_every_form(language):
    words = catalogue(language)
    for one in words:
        if not one.id:
            continue
        forms = one.string if one.pluralizable else (one.string,)
        assert len(forms) == (words.num_plurals if one.pluralizable else 1)
        original = one.id[0] if one.pluralizable else one.id
        for form in forms:
            assert sorted(BLANK.findall(form)) == sorted(BLANK.findall(original)), form
            assert form.strip()
