"""The command line client, run as people run it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from media import likeness, number_in


def cli(*args: str) -> str:
    """Run cvat-cli and return what it printed."""
    return run_cli(*args).stdout


def run_cli(*args: str) -> subprocess.CompletedProcess[str]:
    """Run cvat-cli to its end, without an error."""
    server = urlsplit(os.environ["FRAMEMILL_URL"])
    done = subprocess.run(
        [
            Path(sys.executable).with_name("cvat-cli"),
            *("--auth", os.environ["FRAMEMILL_USER"]),
            *("--server-host", f"{server.scheme}://{server.hostname}"),
            *("--server-port", str(server.port)),
            *args,
        ],
        env={**os.environ, "PASS": os.environ["FRAMEMILL_PASSWORD"]},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"cvat-cli {' '.join(args)}: {done.stderr}"
    return done


@pytest.fixture
def task_id(pictures):
    """A task of eight local pictures in jobs of five, made by the command."""
    made = cli(
        *("task", "create", "by command", "local", *map(str, pictures[:8])),
        *("--labels", '[{"name": "person"}, {"name": "bike"}]'),
        *("--segment_size", "5", "--overlap", "1", "--chunk_size", "3", "--image_quality", "80"),
        *("--completion_verification_period", "0.1"),
    ).strip()
    yield made
    cli("task", "delete", made)


def test_create_from_local_files(task_id, client):
    task = client.tasks.retrieve(int(task_id))
    assert (task.name, task.size, task.segment_size, task.overlap) == ("by command", 8, 5, 1)
    assert sorted((j.start_frame, j.stop_frame) for j in task.get_jobs()) == [(0, 4), (4, 7)]
    assert sorted(label.name for label in task.get_labels()) == ["bike", "person"]
    assert (task.get_meta().chunk_size, task.image_quality) == (3, 80)


def test_create_from_the_share(client, pictures):
    made = cli(
        *("task", "create", "shared", "share", *(f"pictures/{p.name}" for p in pictures[:3])),
        *("--labels", '[{"name": "person"}]', "--use_cache", "--sorting-method", "natural"),
        *("--completion_verification_period", "0.1"),
    ).strip()
    task = client.tasks.retrieve(int(made))
    assert task.size == 3
    assert number_in(task.get_frame(2).read()) == 2
    task.remove()


def test_list(task_id):
    assert task_id in cli("task", "ls").split()
    listed = {task["id"]: task for task in json.loads(cli("task", "ls", "--json"))}
    assert listed[int(task_id)]["name"] == "by command"


def test_frames(task_id, pictures, tmp_path):
    cli("task", "frames", task_id, "2", "5", "--outdir", str(tmp_path), "--quality", "original")
    assert likeness(tmp_path / f"task_{task_id}_frame_000002.png", pictures[2]) == float("inf")
    cli("task", "frames", task_id, "3", "--outdir", str(tmp_path), "--quality", "compressed")
    assert number_in(tmp_path / f"task_{task_id}_frame_000003.jpg") == 3


def test_delete(client, pictures):
    made = cli(
        *("task", "create", "short-lived", "local", str(pictures[0])),
        *("--labels", '[{"name": "person"}]', "--completion_verification_period", "0.1"),
    ).strip()
    cli("task", "delete", made)
    assert made not in cli("task", "ls").split()
