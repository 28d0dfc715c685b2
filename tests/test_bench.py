"""The benchmarks: what is timed is right, its statistics are pyperf's, its tables say what was measured."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from scitorch import cli, operator, optimize
from scitorch.bench import Request, RequestError
from scitorch.bench.case import OURS, Admission, DisagreementError
from scitorch.bench.function import FunctionCase
from scitorch.bench.goals import LINEAR, MEMORY, outcomes, slope
from scitorch.bench.machine import Lazy
from scitorch.bench.memory import Memory

pyperf = pytest.importorskip("pyperf", reason="the statistics are pyperf's")

from scitorch.bench import memory, shares, tables  # noqa: E402  pyperf first
from scitorch.bench.timing import Measurement, Pace, as_benchmark, in_turns, measure  # noqa: E402  the same

PACE = Pace(5, 0.05)


def square(peers, **options):
    """A case of squares."""
    return FunctionCase(
        "square",
        "functions",
        lambda rng: [rng.normal(size=50)],
        options.pop("scipy", np.square),
        options.pop("ours", torch.square),
        lambda: peers,
        **options,
    )


def detached(x):
    return x * x.detach()


def raising(x):
    raise ArithmeticError


def test_a_wrong_peer_is_refused_before_anything_is_timed():
    admission = square({"good": lambda x: x * x, "wrong": lambda x: x**3, "half": detached, "no": raising}).admitted()
    assert admission.calls.keys() == {
        ("SciPy", "forward"),
        (OURS, "forward"),
        (OURS, "both"),
        ("good", "forward"),
        ("good", "both"),
        ("half", "forward"),  # its value is right
    }
    assert admission.refused == {
        ("wrong", "forward"): "wrong",
        ("wrong", "both"): "wrong",
        ("half", "both"): "wrong",
        ("no", "forward"): "raises",
        ("no", "both"): "raises",
    }


@pytest.mark.parametrize(
    "ours", [lambda x: x**3, lambda x: x[:5] ** 2, lambda x: x * float("nan")], ids=["wrong", "short", "nan"]
)
def test_nothing_is_timed_if_ours_disagrees_with_scipy(ours):
    with pytest.raises(DisagreementError, match="square, forward of scitorch"):
        square({}, ours=ours).admitted()


def test_nothing_is_timed_without_something_to_hold_it_against():
    with pytest.raises(DisagreementError, match="nothing to hold"):
        Admission("case").admit("peer", "forward", lambda: np.ones(3))


slow = operator("(n)->()", name="slow_in_benchmarks", threads=False)(lambda x: (time.sleep(0.01), x.sum())[1])


def sleeping(x):
    time.sleep(0.01)
    return x - 0.5


@pytest.mark.parametrize(
    ("call", "owner"),
    [
        (lambda: slow(torch.ones(3)), shares.KERNELS),
        (lambda: torch.func.vmap(lambda x: slow(x))(torch.ones(2, 3)), shares.KERNELS),
        (lambda: optimize.root_scalar(sleeping, bracket=(0.0, 1.0)), shares.USER),
        (lambda: torch.ones(1000, 1000) @ torch.ones(1000, 1000), shares.AROUND),
    ],
    ids=["kernel", "mapped kernel", "user", "torch"],
)
def test_the_time_of_a_call_goes_to_its_owner(call, owner):
    for _ in range(2):  # what is done once, imports too, isn't meant
        call()
    found = shares.shares(call, 0.0)
    assert next(iter(found)) == owner
    assert sum(found.values()) == pytest.approx(1)
    assert shares.described({"a": 0.996, "b": 0.004}) == "a 100%"
    assert sys.getprofile() is None


@pytest.mark.parametrize("name", ["JAX", "HIPS"])
def test_a_peer_that_is_not_installed_is_left_out(name, monkeypatch):
    monkeypatch.setattr("scitorch.bench.function.installed", lambda package: package == "torch")
    assert not [way for way, _ in square({name: raising}).admitted().calls if way == name]


def test_the_statistics_are_those_of_pyperf():
    values = [3.0, 1.0, 2.0, 10.0, 2.5]
    benchmark = as_benchmark("case", ("way", "forward"), values, loops=7)
    found = Measurement(square({}), {("way", "forward"): benchmark}, {})
    assert isinstance(benchmark, pyperf.Benchmark)
    assert benchmark.get_name() == "case: way, forward"
    assert benchmark.get_loops() == 7
    assert found.median("way", "forward") == benchmark.median() == 2.5
    assert found.spread("way", "forward") == benchmark.median_abs_dev() / benchmark.median() == 0.2


def test_a_lazy_module_is_imported_only_for_what_it_has():
    lazy = Lazy("no_such_package")
    assert not hasattr(lazy, "__wrapped__")
    with pytest.raises(ModuleNotFoundError):
        _ = lazy.function
    assert Lazy("math").pi == np.pi


def test_ratios_are_of_neighbours_in_time():
    timed = {"a": [1.0, 2.0, 30.0], "b": [2.0, 4.0, 60.0], "short": [4.0]}
    benchmarks = {(way, "forward"): as_benchmark("case", (way, "forward"), taken) for way, taken in timed.items()}
    found = Measurement(square({}), benchmarks, {})
    assert found.ratio("a", "b", "forward") == 0.5
    assert found.ratio("short", "a", "forward") == 4.0  # the rounds that both have
    assert found.best_peer("forward") == "a"


def test_calls_take_turns():
    called = []
    calls = {(way, "forward"): lambda way=way: called.append(way) for way in "ab"}
    benchmarks = in_turns("case", calls, Pace(5, 0.0), dict.fromkeys(calls, 0.0))
    blocks = [way for place, way in enumerate(called) if place == 0 or called[place - 1] != way]
    assert blocks == list("ab") * 6  # to learn how long one takes, then five rounds
    assert all(benchmark.get_nvalue() == 5 for benchmark in benchmarks.values())


def test_what_takes_seconds_is_not_called_more_than_need_be(monkeypatch):
    called = []
    calls = {(way, "forward"): lambda way=way: called.append(way) for way in "ab"}
    monkeypatch.setattr("scitorch.bench.timing.BLOCK", 0.0)  # a call a block
    benchmarks = in_turns("case", calls, Pace(5, 0.0), {("a", "forward"): 10.0, ("b", "forward"): 0.1})
    assert called == list("bababbbb")
    assert [benchmarks[key].get_nvalue() for key in calls] == [2, 5]


def test_the_table_says_what_was_measured():
    measurement = measure(square({"peer": lambda x: x * x, "bad": lambda x: x**3}), PACE)
    table = tables.of_group("functions", [measurement])
    head, rule, row = table.markdown().strip().splitlines()[-3:]
    assert head.count("|") == rule.count("|") == row.count("|")
    cells = dict(
        zip([cell.strip() for cell in head.split("|")], [cell.strip() for cell in row.split("|")], strict=True)
    )
    assert cells["bad"] == "wrong / wrong"
    assert cells["case"] == "square"
    assert cells["both ÷ best peer"].endswith("(peer)")
    forward, both = (f"{1e3 * measurement.median(OURS, what):.3g}" for what in ("forward", "both"))
    assert cells[OURS] == f"{forward} / {both}"


def series(exponent):
    """A series that grows with that exponent."""
    sizes = [4, 16, 64, 256]
    timed = {
        (way, f"{n}{suffix}"): as_benchmark("case", (way, f"{n}{suffix}"), [1e-5 * n**grows] * 3)
        for way, suffix, grows in (("SciPy", "", 2), (OURS, "", exponent), (OURS, " and its gradient", 0.5))
        for n in sizes
    }
    from scitorch.bench.cases.growth import Series

    case = Series("series", "batch", sizes, lambda _rng, n: np.ones(n), np.square, torch.square)
    return Measurement(case, timed, {})


@pytest.mark.parametrize(("exponent", "met"), [(1.0, True), (1.4, False)])
def test_the_exponent_of_growth_is_a_goal(exponent, met):
    (outcome,) = outcomes([series(exponent)], [])
    assert outcome.goal == LINEAR
    assert slope(series(exponent), OURS) == pytest.approx(exponent, abs=1e-9)
    assert outcome.met is met
    assert tables.of_growth([series(exponent)]).rows[0][-1] == f"2.00, {exponent:.2f}, 0.50"


def test_memory_counts_results_once():
    found = Memory("case", inputs=10, value=10, gradients=10, scipy=15, forward=15, both=50)
    assert found.forward_ratio == 1.0
    assert found.both_ratio == 2.0
    assert [(outcome.goal, outcome.met) for outcome in outcomes([], [found])] == [(MEMORY, True), (MEMORY, False)]


@pytest.mark.skipif(not memory.supported(), reason="the system doesn't forget a peak")
def test_memory_is_that_of_the_call():
    found = memory.measure("fft.dct, 10⁶")
    assert found.value == found.inputs == 8_000_000
    assert 0.9 * found.value < found.forward < 20 * found.value


def test_every_case_has_a_name_of_its_own_and_a_group_that_is_shown():
    from scitorch.bench.cases import cases

    everything = list(cases())
    names = [case.name for case in everything]
    assert len(set(names)) == len(names)
    assert {case.group for case in everything} <= {*tables.GROUPS, "size", "batch"}
    assert {*memory.QUICK} <= {*memory.NAMES} <= {*names}


@pytest.mark.parametrize(
    ("request_", "message"),
    [(Request(threads=0), "--threads: expected at least 1, got 0"), (Request(), 'Try pip install "scitorch')],
)
def test_what_cannot_be_done_is_refused(monkeypatch, request_, message):
    monkeypatch.setattr("scitorch.bench.machine.installed", lambda _: False)
    with pytest.raises(RequestError, match=message.replace("[", r"\[")):
        request_.checked()


def test_the_command_refuses_in_one_line(capsys):
    assert cli.main(["bench", "--threads", "0"]) == 2
    assert capsys.readouterr().err == "scitorch: --threads: expected at least 1, got 0.\n"


def test_a_quick_run_from_an_empty_folder(tmp_path):
    command = [sys.executable, "-m", "scitorch", "bench", "fft.dct, 1024", "--quick"]
    files = ["--out", "here", "--json", "there/run.json"]
    done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603  ours
    assert (done.returncode, done.stderr) == (0, "")
    assert "fft.dct, 1024" in done.stdout
    page = (tmp_path / "here" / "benchmarks.md").read_text(encoding="utf-8")
    assert "| fft.dct, 1024 |" in page
    assert "![" in page
    assert (tmp_path / "here" / "benchmarks.png").read_bytes().startswith(b"\x89PNG")
    suite = pyperf.BenchmarkSuite.load(str(tmp_path / "there" / "run.json"))
    assert {"fft.dct, 1024: SciPy, forward", "fft.dct, 1024: scitorch, both"} <= set(suite.get_benchmark_names())
    assert suite.get_benchmarks()[0].get_metadata()["threads"] == 1
    compared = subprocess.run(  # noqa: S603  the command is the test's own
        [sys.executable, "-m", "pyperf", "compare_to", *[str(tmp_path / "there" / "run.json")] * 2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "no significant difference" in compared.stdout.lower() or "not significant" in compared.stdout.lower()


def test_the_command_says_when_nothing_has_that_name():
    done = subprocess.run(
        [sys.executable, "-m", "scitorch", "bench", "nothing of that name"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("scitorch: names: expected parts of the names of cases, got nothing of that name.")


def test_bench_operators_are_not_in_the_catalogue():
    script = (
        "import json, scitorch, scitorch.bench.cases as c; [*c.cases()]; print(json.dumps([*scitorch.operators()]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603  ours
    assert not [name for name in json.loads(done.stdout) if "bench" in name]


@pytest.mark.parametrize(
    ("way", "said"), [("`autograd.Function`", "**wrong**"), ("`custom_op`", "raises"), (OURS, "right")]
)
def test_the_table_of_modes_tells_wrong_from_right(way, said):
    from scitorch.bench.modes import MODES, outcome, ways

    assert outcome(MODES["double backward"], ways()[way]) == said


def test_a_reason_is_of_a_case_that_there_is():
    from scitorch.bench.cases import cases
    from scitorch.bench.why import WHY

    assert {name.removeprefix("memory: ") for name in WHY} <= {case.name for case in cases()}
