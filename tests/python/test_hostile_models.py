"""What no model file should be is refused in a line or played; nothing crashes, hangs or stays."""

import collections

import pytest
from hostile_models import DAMAGE, MADE, Outcome, never_returns, run


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return list(run(seed=2024, cases=60, batch=30))


def test_every_case_ends_in_a_line_or_in_sound(outcomes: list[Outcome]) -> None:
    assert [o.case for o in outcomes] == list(range(60))
    assert [o for o in outcomes if o.verdict not in {"played", "refused", "failed"}] == []


def test_cases_of_every_kind_were_among_them(outcomes: list[Outcome]) -> None:
    kinds = {o.kind for o in outcomes}
    assert kinds == {make.__name__ for make in [*DAMAGE, *MADE, never_returns]}
    verdicts = collections.Counter(o.verdict for o in outcomes)
    assert verdicts["played"] > 0
    assert verdicts["refused"] > 0
