"""Time several ways of computing the same, in turns."""

import time
import timeit
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)
BLOCK = 0.02  # seconds: long against the clock, short against the machine's moods


def in_turns(ways: dict[Key, Callable[[], Any]], rounds: int, limit: float, threads: int) -> dict[Key, list[float]]:
    """Seconds a call of every round; fewer rounds than asked for, but five at least, where one takes long.

    On one thread it is the processor's time that counts, which other processes don't add to.
    """
    clock = time.process_time if threads == 1 else time.perf_counter
    calls, spent = {}, 0.0
    for key, call in ways.items():
        call()
        once = timeit.timeit(call, timer=clock, number=1)
        calls[key] = max(1, round(BLOCK / once))
        spent += calls[key] * once
    seconds: dict[Key, list[float]] = {key: [] for key in ways}
    for _ in range(max(5, min(rounds, int(limit / spent)))):
        for key, call in ways.items():
            seconds[key].append(timeit.timeit(call, timer=clock, number=calls[key]) / calls[key])
    return seconds
