"""The same code on a cluster of processes, and under torchrun: results and gradients are those of one process."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "distributed"


def run(*command):
    command = [sys.executable, *map(str, command)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603  our scripts
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("wrapped", ["ddp", "fsdp"])
def test_two_processes_have_the_gradients_of_one(wrapped):
    run("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", FOLDER / "data_parallel.py", wrapped)


def test_a_cluster_loses_a_worker_and_no_result(tmp_path):
    run(FOLDER / "cluster.py", tmp_path / "killed")
