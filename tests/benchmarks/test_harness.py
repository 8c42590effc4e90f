"""The harness times those who compute the same, and tells why it did not time the others."""

from __future__ import annotations

import json

import pytest

from benchmarks.harness import Competitor, Measurement, Workload, measure
from benchmarks.report import as_json, markdown_table, replace_section, text_table

TRAINERS = "tests.benchmarks.trainers"


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    competitors = (
        Competitor("first", f"{TRAINERS}:right", steps=10),
        Competitor("another", f"{TRAINERS}:right", steps=20),
        Competitor("wrong loss", f"{TRAINERS}:wrong", steps=10, choice="loss"),
        Competitor("wrong weights", f"{TRAINERS}:wrong", steps=10, choice="weights"),
        Competitor("missing", f"{TRAINERS}:missing", steps=10),
    )
    return measure(Workload("fake", "A fake", 1, check_steps=3, competitors=competitors), rounds=3, verbose=False)


def test_those_who_agree_are_timed_in_every_round(measurement: Measurement) -> None:
    first, another = measurement.results[:2]
    assert len(first.microseconds) == len(another.microseconds) == 3
    assert first.problem is None
    assert another.weight_error == 0


def test_a_wrong_loss_or_weight_is_told_and_not_timed(measurement: Measurement) -> None:
    loss, weights = measurement.results[2:4]
    assert loss.problem == "computes something else: loss off by 5.0e-01, weights by 0.0e+00"
    assert weights.problem is not None and weights.wrong
    assert loss.microseconds == weights.microseconds == ()


def test_a_competitor_that_cannot_run_says_why_and_stops_nobody(measurement: Measurement) -> None:
    missing = measurement.results[4]
    assert missing.problem == "ImportError: no such library"
    assert not missing.wrong


def test_reports_name_every_competitor(measurement: Measurement) -> None:
    names = [result.name for result in measurement.results]
    assert all(name in text_table(measurement) and name in markdown_table(measurement) for name in names)
    written = json.loads(json.dumps(as_json([measurement])))
    assert [result["name"] for result in written["workloads"][0]["results"]] == names


def test_a_section_of_the_page_is_replaced_between_its_markers() -> None:
    page = "before\n<!-- begin: fake -->\nold\n<!-- end: fake -->\nafter\n"
    replaced = replace_section(page, "fake", "new")
    assert replaced == "before\n<!-- begin: fake -->\nnew\n<!-- end: fake -->\nafter\n"
    with pytest.raises(ValueError, match="no section between"):
        replace_section(page, "other", "new")
