"""What a question makes of a column's numbers does not take the machine's memory: it ends, the server goes on."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from penstock.base import memory
from tests.unit.web.conftest import served, write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not memory.taken()[1], reason="nothing tells here what memory a process takes"),
]

# Of one vector of rows, which nothing interrupts: 2,048 values, 4 to 50 GB of them.
HEAPS = [
    "select max(len(repeat('ab', n * 20000))) as longest from range(2000) t(n)",
    "select max(len(lpad('', (n * 3000)::integer, 'x'))) as longest from range(2000) t(n)",
    "select max(len(range(n * 1000))) as longest from range(2000) t(n)",
    "select max(len(list_reduce([n || 'x' for x in range(18)], lambda a, b: a || a))) as longest from range(2000) t(n)",
]


def _asked(folder, heaps):
    """Return what a server answers that may take little more than it has, and then to a question like any other."""
    import resource

    room = memory.taken()[1] + (700 << 20)
    memory.most = lambda: room
    before = resource.getrlimit(resource.RLIMIT_AS)
    with served(write(folder)) as kiosk:
        found = [(*kiosk.sql(text), *kiosk.sql("select count(*) as n from raw.orders")) for text in heaps]
    return found, before == resource.getrlimit(resource.RLIMIT_AS)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_asked, tmp_path_factory.mktemp("small"), HEAPS).result()


@pytest.mark.parametrize("at", range(len(HEAPS)), ids=lambda at: HEAPS[at][:40])
def test_a_question_that_takes_too_much_memory_is_stopped_and_the_server_goes_on(at, answers):
    status, answer, after, rows = answers[0][at]
    assert status == 422, answer
    assert answer["error"]["kind"] == "TooLargeError", answer
    assert "75% of the machine's memory" in answer["error"]["subject"]
    assert "fewer rows or shorter values" in answer["error"]["hint"]
    assert (after, rows["rows"]) == (200, [[3]])


def test_afterwards_the_process_may_take_memory_as_before(answers):
    assert answers[1]
