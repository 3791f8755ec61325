"""The rooms above register their kinds of thing when their doors open, so every test here stands in the whole app."""

import pytest


@pytest.fixture(autouse=True)
def _whole_house(app) -> None:
    """The application, so that exhibits are a kind of thing that can be asked for."""
