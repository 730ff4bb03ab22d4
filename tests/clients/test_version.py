"""Each client finds the server to be of a version that it knows."""

import logging
import os
from importlib.metadata import version

from cvat_sdk import Client
from packaging.version import Version

from test_cli import run_cli


def test_the_server_has_the_version_of_the_client(client: Client):
    spoken, own = client.get_server_version(), Version(version("cvat-sdk"))
    assert (spoken.major, spoken.minor) == (own.major, own.minor)


def test_the_library_warns_of_nothing(caplog):
    with caplog.at_level(logging.WARNING), Client(os.environ["FRAMEMILL_URL"]) as client:
        client.login((os.environ["FRAMEMILL_USER"], os.environ["FRAMEMILL_PASSWORD"]))
        client.tasks.list()
    assert not caplog.records


def test_the_command_warns_of_nothing():
    assert run_cli("task", "ls").stderr == ""
