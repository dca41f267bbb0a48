"""What every runtime keeps, whatever it runs. The runtimes are rows of the table in `cases`."""

import gc
import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import runtimes
from inference.errors import InputInvalid, ModelExecutionFailed
from inference.handlers import Predictions
from tests.inference.runtimes.cases import CASES, HEAVY, ROOT, Case, Made, environment, made

THREADS = 8
MANY = 1500


@pytest.fixture(params=CASES, ids=lambda case: case.id)
def case(request: Any) -> Case:
    chosen: Case = request.param
    return chosen


@pytest.fixture
def toy(case: Case) -> Made:
    return made(case)


def agrees(said: Predictions, toy: Made, rows: list[int] | None = None) -> bool:
    """Whether the answers are the original's, for all instances or those with the given numbers."""
    chosen = range(len(toy.instances)) if rows is None else rows
    wanted = [toy.predictions[row] for row in chosen]
    if toy.signature.task == "regression":
        same = np.shape(said.predictions) == np.shape(wanted) and np.allclose(
            np.array(said.predictions, dtype=float), wanted, rtol=0, atol=toy.tolerance
        )
    else:
        same = said.predictions == wanted
    if toy.probabilities is None:
        return bool(same) and said.probabilities is None
    scores = [toy.probabilities[row] for row in chosen]
    return bool(same) and np.allclose(np.array(said.probabilities, dtype=float), scores, rtol=0, atol=toy.tolerance)


def test_every_runtime_has_a_row_in_the_table() -> None:
    assert {case.runtime for case in CASES} == set(runtimes.RUNTIMES)


def test_it_is_made_once_and_knows_its_name(case: Case) -> None:
    assert runtimes.get(case.runtime) is runtimes.get(case.runtime)
    assert runtimes.get(case.runtime).name == case.runtime


# -- Answers ------------------------------------------------------------------------------------------


def test_it_answers_as_the_original_does(case: Case, toy: Made) -> None:
    assert agrees(toy.ask(toy.load(case.runtime)), toy)


def test_a_row_alone_is_answered_as_in_company(case: Case, toy: Made) -> None:
    model = toy.load(case.runtime)
    for row, instance in enumerate(toy.instances):
        assert agrees(toy.ask(model, [instance]), toy, [row])


def test_answers_stand_in_the_order_of_the_rows(case: Case, toy: Made) -> None:
    order = [random.Random(7).randrange(len(toy.instances)) for _ in range(40)]
    assert agrees(toy.ask(toy.load(case.runtime), [toy.instances[row] for row in order]), toy, order)


def test_many_rows_are_answered_in_one_call(case: Case, toy: Made) -> None:
    order = [row % len(toy.instances) for row in range(MANY)]
    assert agrees(toy.ask(toy.load(case.runtime), [toy.instances[row] for row in order]), toy, order)


def test_no_rows_give_no_answers_or_the_models_failure(case: Case, toy: Made) -> None:
    model = toy.load(case.runtime)
    nothing = {name: values[:0] for name, values in toy.feeds().items()}
    try:
        said = model.predict(nothing)
    except ModelExecutionFailed:
        return
    assert len(said.labels) == 0


def test_the_same_question_gets_the_same_answer_again(case: Case, toy: Made) -> None:
    model = toy.load(case.runtime)
    assert toy.ask(model) == toy.ask(model) == toy.ask(toy.load(case.runtime))


# -- What comes in ------------------------------------------------------------------------------------


def test_the_feeds_are_left_as_they_were_and_may_be_read_only(case: Case, toy: Made) -> None:
    feeds = toy.feeds()
    before = {name: values.copy() for name, values in feeds.items()}
    for values in feeds.values():
        values.flags.writeable = False
    toy.load(case.runtime).predict(feeds)
    assert all((feeds[name] == before[name]).all() for name in before)


def test_numbers_reach_it_in_its_own_type_or_not_at_all(case: Case, toy: Made) -> None:
    if toy.signature.matrix_dtype is None:
        pytest.skip("the runtime takes no matrix of numbers")
    feeds = toy.feeds([[1] * toy.signature.width])
    assert [values.dtype for values in feeds.values()] == [np.dtype(feed.dtype) for feed in toy.signature.feeds]
    toy.load(case.runtime).predict(feeds)
    with pytest.raises(InputInvalid, match="large"):
        toy.feeds([[10**400] * toy.signature.width])


def test_arrays_of_the_wrong_form_are_the_models_failure(case: Case, toy: Made) -> None:
    if case.wrong_feeds is None:
        pytest.skip("the runtime can't be given a wrong form")
    with pytest.raises(ModelExecutionFailed):
        toy.load(case.runtime).predict(case.wrong_feeds())


# -- Loading ------------------------------------------------------------------------------------------


def test_bytes_that_are_no_model_are_refused(case: Case, toy: Made) -> None:
    for content in (b"", b"no model at all", b"\0" * 1000, bytes(range(256)) * 4, *case.broken):
        with pytest.raises(ModelExecutionFailed):
            runtimes.get(case.runtime).load(content, toy.signature).predict(toy.feeds())


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.98])
def test_a_file_cut_off_is_refused(case: Case, toy: Made, kept: float) -> None:
    with pytest.raises(ModelExecutionFailed):
        runtimes.get(case.runtime).load(toy.artifact[: int(len(toy.artifact) * kept)], toy.signature)


def test_nothing_but_the_caller_keeps_a_model(case: Case, toy: Made) -> None:
    model = toy.load(case.runtime)
    toy.ask(model)
    gc.collect()
    assert sys.getrefcount(model) == 2  # the name above, and the argument of this call


# -- Threads ------------------------------------------------------------------------------------------


def test_threads_share_one_model_and_agree(case: Case, toy: Made) -> None:
    model, start = toy.load(case.runtime), threading.Barrier(THREADS)
    found: list[bool] = []

    def ask(offset: int) -> None:
        start.wait(timeout=30)
        for turn in range(12):
            row = (offset + turn) % len(toy.instances)
            found.append(agrees(toy.ask(model, [toy.instances[row]]), toy, [row]) and agrees(toy.ask(model), toy))

    threads = [threading.Thread(target=ask, args=(offset,)) for offset in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * (THREADS * 12)


def test_it_can_be_told_to_stop(case: Case, toy: Made) -> None:
    if not case.stops:
        pytest.skip("the runtime can't be stopped; the process that runs it can")
    model: Any = toy.load(case.runtime)
    stopped = model.run_options()
    stopped.terminate = True
    with pytest.raises(ModelExecutionFailed):
        model.predict(toy.feeds(), stopped)
    assert agrees(toy.ask(model), toy)


# -- What it drags in ---------------------------------------------------------------------------------

SERVE = """
import json, os, sys
from pathlib import Path
import mlplatform.wsgi  # Django set up, every URL and view imported, as in a serving process
from inference import golden, handlers, predictor, process, runtimes
from inference.handlers import Payload
from inference.signature import Signature

def serve(folder):
    name, told, instances, heavy = json.loads((folder / "question").read_text())
    signature = Signature.from_dict(told)
    model = runtimes.get(name).load((folder / "artifact").read_bytes(), signature)
    handler = handlers.get(signature.handler)
    output = model.predict(handler.preprocess(Payload("instances", instances), signature))
    said = handler.postprocess(output, signature).predictions
    (folder / "answer").write_text(json.dumps([said, sorted(set(heavy) & set(sys.modules))]))

for line in sys.stdin:
    if os.fork() == 0:
        serve(Path(line.strip()))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """Begins a serving process for each folder it is told, by a fork, as the server's master does."""
    started = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(tmp_path_factory.mktemp("master")),
    )
    with started:
        yield started


def test_a_serving_process_imports_only_what_the_runtime_needs(
    case: Case, toy: Made, tmp_path: Path, master: subprocess.Popen[str]
) -> None:
    (tmp_path / "artifact").write_bytes(toy.artifact)
    question = [case.runtime, toy.signature.to_dict(), toy.instances, sorted(HEAVY)]
    (tmp_path / "question").write_text(json.dumps(question))
    assert master.stdin is not None
    assert master.stdout is not None
    print(tmp_path, file=master.stdin, flush=True)
    assert master.stdout.readline() == "0\n"
    said, imported = json.loads((tmp_path / "answer").read_text())
    assert agrees(Predictions(said, toy.probabilities, None, None), toy)
    assert set(imported) <= case.imports
