"""Fixtures for the unmodified clients against a running server.

The server, an administrator and the folder of its share come from the
environment: FRAMEMILL_URL, FRAMEMILL_USER, FRAMEMILL_PASSWORD and
FRAMEMILL_SHARE. The share holds numbered pictures in its folder `pictures`.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cvat_sdk import Client, models
from cvat_sdk.core.client import Config
from cvat_sdk.core.proxies.tasks import ResourceType, Task


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "matrix: one more sort of media, enough on one server")
    config.addinivalue_line("markers", "proof: what takes long and seldom breaks alone, enough in make clients")


@pytest.fixture(scope="session")
def share() -> Path:
    return Path(os.environ["FRAMEMILL_SHARE"])


@pytest.fixture(scope="session")
def pictures(share: Path) -> list[Path]:
    """Pictures in the order of their numbers, of many sizes and formats."""
    return sorted((share / "pictures").iterdir())


@pytest.fixture
def folder(share: Path) -> Iterator[Path]:
    """An empty folder on the share."""
    path = share / f"test-{uuid.uuid4().hex}"
    path.mkdir()
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    config = Config(status_check_period=0.1, allow_unsupported_server=False)
    with Client(os.environ["FRAMEMILL_URL"], config=config) as connected:
        connected.login((os.environ["FRAMEMILL_USER"], os.environ["FRAMEMILL_PASSWORD"]))
        yield connected


@pytest.fixture
def create(client: Client) -> Iterator[Callable[..., Task]]:
    """Create a task from media, and remove it after the test."""
    made: list[int] = []

    def create_task(
        resources, where: ResourceType = ResourceType.LOCAL, spec: dict | None = None, **params
    ) -> Task:
        spec = {"name": "clients", "labels": [{"name": "car"}], **(spec or {})}
        task = client.tasks.create(models.TaskWriteRequest(**spec))
        made.append(task.id)
        task.upload_data(resources, resource_type=where, params=params)
        return task

    yield create_task
    client.tasks.remove_by_ids(made)
