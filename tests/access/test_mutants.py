"""The list of `make mutation` keeps up with the sources: a change that finds nothing to break would prove nothing."""

from collections import Counter
from pathlib import Path

import pytest

from tests.access.mutants import CHANGES, denials

ROOT = Path(__file__).parents[2]
EVERY = [*CHANGES, *denials((ROOT / "policies" / "baseline.csv").read_text(encoding="utf-8"))]


@pytest.mark.parametrize("change", EVERY, ids=lambda one: one.breaks)
def test_what_a_mutant_changes_stands_in_the_sources_once(change) -> None:
    assert (ROOT / change.path).read_text(encoding="utf-8").count(change.old) == 1
    assert change.new != change.old


def test_every_denial_of_the_baseline_is_taken_away_once() -> None:
    names = Counter(change.breaks for change in EVERY)
    assert set(names.values()) == {1}
    assert {f"denial D{number}" for number in range(1, 10)} <= set(names)
