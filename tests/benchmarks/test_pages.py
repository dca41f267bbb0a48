"""What the measuring programs make of their figures: tables, charts, and parts of a page."""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from benchmarks import drawing, generated
from benchmarks.drawing import Line
from benchmarks.growth import page
from benchmarks.peers import table
from benchmarks.records import beside
from benchmarks.records import machine as records_machine
from benchmarks.records import page as records_page

pytestmark = pytest.mark.django_db(databases=[])
SVG = "{http://www.w3.org/2000/svg}"


def run(**changes: float) -> dict[str, float]:
    names = ("per_second", "p50_ms", "p95_ms", "p99_ms", "server_cpu_us", "failed", "others_cores")
    return {**dict.fromkeys(names, 0.0), **changes}


def cell(server: str, *rates: float, workload: str = "W1", problem: str = "", **changes: float) -> dict[str, Any]:
    return {
        "server": server, "workload": workload, "problem": problem, "memory_mb": 100.0, "start_seconds": 1.0,
        "runs": [run(per_second=rate, **changes) for rate in rates],
    }  # fmt: skip


def test_ratios_compare_medians_and_leave_out_what_was_not_measured() -> None:
    cells = [cell("mlplatform", 90.0, 100.0, 900.0), cell("fastapi", 20.0, 10.0, 30.0), cell("triton", problem="dead")]
    head, _, row = table.ratios(cells).splitlines()
    assert head == "|  | mlplatform, requests/s | × fastapi | × triton |"
    assert row == "| W1 | 100 | 5.0 | – |"


def test_a_workload_lists_the_fastest_first_and_says_why_a_server_is_missing() -> None:
    cells = [cell("slow", 10.0), cell("fast", 20.0, 40.0, failed=3), cell("dead", problem="no answer |\n in time")]
    shown = table.details(cells, "W1").splitlines()
    assert shown[2].startswith("| fast | **30** (20–40) |")
    assert shown[2].endswith("| 6 | 0.00 |"), "failures of all rounds are added up"
    assert shown[3].startswith("| slow |")
    assert shown[-1] == "- dead: no answer / in time"


def test_noise_is_noticed() -> None:
    assert not table.is_noisy([cell("a", 1.0, others_cores=0.1)])
    assert table.is_noisy([cell("a", 1.0), cell("b", 1.0, others_cores=0.5)])


def test_a_part_of_a_page_is_replaced_again_and_again_and_the_rest_stays() -> None:
    text = "before\n<!-- one: written by a program -->\nold\n<!-- /one -->\nafter <!-- /two -->\n"
    once = generated.replace_part(text, "one", "new\n")
    assert once == "before\n<!-- one: written by a program -->\n\nnew\n\n<!-- /one -->\nafter <!-- /two -->\n"
    assert generated.replace_part(once, "one", "new") == once
    with pytest.raises(generated.MarkMissing):
        generated.replace_part(text, "two", "")


@pytest.mark.parametrize("part", ["peers", "peers-postgresql", "growth"])
def test_the_page_has_the_parts_that_programs_write(part: str) -> None:
    assert "fresh" in generated.replace_part(generated.PAGE.read_text(), part, "fresh")


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_chart_is_svg_with_a_point_for_each_value_higher_for_more(logarithmic: bool) -> None:
    lines = [Line("a <b>", [1.0, 10.0, None, 1000.0]), Line("limit", [2000.0] * 4, is_limit=True)]
    drawn = drawing.chart("T & c", ["1", "2", "3", "4"], "steps", lines, logarithmic=logarithmic)
    root = ElementTree.fromstring(drawn)
    heights = [float(dot.get("cy", "")) for dot in root.iter(f"{SVG}circle")]
    assert len(heights) == 3
    assert heights == sorted(heights, reverse=True), "up is more"
    assert len(set(heights)) == 3
    limits = [line for line in root.iter(f"{SVG}polyline") if line.get("stroke-dasharray")]
    assert len(limits) == 1
    dots = [float(dot.get("cx", "")) for dot in root.iter(f"{SVG}circle")]
    assert all(drawing.LEFT < x < drawing.WIDTH for x in dots)
    assert all(drawing.TOP <= y <= drawing.HEIGHT - drawing.BOTTOM for y in heights)


def test_the_growth_page_shows_each_measurement_that_was_made() -> None:
    figures = {**run(per_second=10.0, p99_ms=2.0, p50_ms=1.0), "memory_mb": 50.0}
    spread = {"p99_least_ms": 1.5, "p99_most_ms": 4.0, "rounds": 7}
    alone = {"per_second": 5.0, "p50_ms": 1.0, "p99_ms": 2.0, **spread, "failed": 0, "took_ms": []}
    report = {
        "at": "now", "machine": "m", "program": "a checkout", "store": "SQLite", "seconds": 1.0, "rounds": 1, "cpus": 2,
        "connections": [{"connections": 1, **figures}, {"connections": 16, **figures}],
        "rows": [{"rows": 100, **figures, "in_process": {"model": 50.0, "whole": 20.0}}],
        "interference": {"alone": alone, "both": {**alone, "p99_ms": 3.0, "took_ms": [40.0, 90.0]}},
    }  # fmt: skip
    text = page.text(report)
    assert "mlplatform a checkout, SQLite" in text
    assert "| 100 | 10 | 1,000 | 2.00 | 4,000 | 10,000 |" in text, "limits are for all CPUs, in rows"
    assert "| both | 5 | 1.00 | 3.00 (1.5–4.0) | 1.50 | 0 |" in text
    assert "### Serving processes" not in text
    assert set(page.drawings(report)) == {"connections.svg", "latency.svg", "rows.svg"}


def size(**times: float) -> dict[str, Any]:
    rows = [
        {
            "name": name.replace("_", " "),
            "shortest_ms": ms,
            "median_ms": ms,
            "cpu_ms": ms / 2,
            "queries": 3 + (ms > 100),
        }
        for name, ms in times.items()
    ]
    loaded = {"rows_per_second": 20_000.0, "own_us_per_record": 20.0, "database_us_per_record": 30.0}
    return {"pages": rows, "by_1": loaded, "by_2": {**loaded, "rows_per_second": 31_000.0}}


def test_pages_are_listed_by_number_of_records_with_the_queries_they_make() -> None:
    report = {
        "at": "2026-01-01", "machine": "a machine", "postgresql": "15.1",
        "sizes": {"10000000": size(Records=120.4, One_prediction=3.0), "100000": size(Records=12.0)},
        "beside": {
            "alone": {"p50": 0.5, "p99": 1.25, "longest": 9.0, "requests": 9000},
            "during": {"p50": 0.6, "p99": 1.5, "longest": 110.0, "requests": 8100},
            "machine_alone": {"p50": 0.05, "p99": 0.1, "longest": 2.0, "requests": 9000},
            "machine_during": {"p50": 0.05, "p99": 0.4, "longest": 108.0, "requests": 8100},
            "ratio": 1.21, "asked_per_second": 1000, "rows_per_second": 20_990.0,
            "larger_share": {"times": 8, "p50": 0.6, "p99": 1.3, "longest": 50.0, "requests": 8000, "ratio": 1.04},
        },
    }  # fmt: skip
    shown = records_page.text(report)
    assert "| page | 100 k records | 10 M records | queries |" in shown
    assert "| Records | 12 (6) | 120 (60) | 3 to 4 |" in shown
    assert "| One prediction |  | 3 (2) | 3 |" in shown
    assert "| records a second, two processes | 31,000 | 31,000 |" in shown
    assert "loads 20,990 records a second;" in shown
    assert "| beside loading | 0.60 | 1.50 | 110 | 8,100 |" in shown
    assert "| a process that only wakes up, beside loading | 0.05 | 0.40 | 108 | 8,100 |" in shown
    assert "| beside loading, with a share of 8 to 1 | 0.60 | 1.30 | 50 | 8,000 |" in shown
    assert "p99 is 1.21 times what it is alone, with the larger share 1.04 times." in shown
    del report["beside"]["larger_share"]  # type: ignore[attr-defined]
    assert "p99 is 1.21 times what it is alone." in records_page.text(report)
    drawn = ElementTree.fromstring(records_page.chart(report))
    assert len(drawn.findall(f".//{SVG}circle")) == 3


def test_a_late_answer_makes_those_late_that_were_due_meanwhile() -> None:
    calls = iter([0.1, *[0.0] * 1_000])
    taken = beside.latencies([lambda: time.sleep(next(calls))], 0.1)
    assert len(taken) == 0.1 * beside.ASKED_PER_SECOND
    assert max(taken) >= 100
    assert sorted(taken)[len(taken) // 2] >= 50, "half of them waited for the first at least so long"
    assert beside.summary([taken, taken])["requests"] == 2 * len(taken)


def test_the_machine_is_watched_as_often_as_it_is_asked_to() -> None:
    late = records_machine.Watch(0.2, 100).latenesses()
    assert len(late) == 20
    assert min(late) >= 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may weigh sessions")
def test_a_server_is_given_a_larger_share_and_gives_it_back() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        share = records_machine.Share(child.pid)
        if not share.can_be_larger:
            pytest.skip("this system doesn't divide by sessions")
        told = Path(f"/proc/{child.pid}/autogroup")
        assert share.enlarge(True)
        assert told.read_text().endswith("nice -9\n")
        assert share.enlarge(False)
        assert told.read_text().endswith("nice 0\n")
    finally:
        child.communicate(b"\n")


def test_a_process_that_is_gone_has_no_share() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not records_machine.Share(child.pid).can_be_larger
