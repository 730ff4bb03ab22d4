"""What the examples take for granted: a server, somebody who is logged in, a
project, a task with pictures, and a person to give work to.

As a command it does the same for the examples in bash: `stage.py project`
prints the id of a new project, and so on.
"""

import os
import sys
from pathlib import Path

from cvat_sdk import Client, models
from cvat_sdk.core.client import Config
from cvat_sdk.core.proxies.tasks import Task

URL = os.environ.get("FRAMEMILL_URL", "http://localhost:8080")
USER = os.environ.get("FRAMEMILL_USER", "admin")
PASSWORD = os.environ["FRAMEMILL_PASSWORD"]


def connect() -> Client:
    """Log in."""
    client = Client(url=URL, config=Config(status_check_period=0.5))
    client.login((USER, PASSWORD))
    return client


def make_project(client: Client) -> int:
    """Make a project with two labels, and return its id."""
    labels = [{"name": "person"}, {"name": "bike"}]
    return client.projects.create(models.ProjectWriteRequest(name="Streets", labels=labels)).id


def make_task(client: Client) -> Task:
    """Make a task that has no data yet."""
    return client.tasks.create(models.TaskWriteRequest(name="Streets", labels=[{"name": "person"}]))


def make_filled_task(client: Client) -> Task:
    """Make a task of the pictures in images/, in jobs of 20."""
    spec = models.TaskWriteRequest(name="Streets", labels=[{"name": "person"}], segment_size=20)
    task = client.tasks.create(spec)
    task.upload_data(images())
    return task


def make_job(client: Client):
    """Make a task as above, and return its first job."""
    return min(make_filled_task(client).get_jobs(), key=lambda job: job.id)


def find_person(client: Client) -> int:
    """Return the id of somebody to give work to."""
    me = client.users.retrieve_current_user()
    return next((user.id for user in client.users.list() if user.id != me.id), me.id)


def images() -> list[Path]:
    """Return the pictures in images/."""
    return sorted(Path("images").iterdir())


def make_token(client: Client) -> str:
    """Log in by name, as programs do that keep no cookies."""
    request = models.LoginSerializerExRequest(username=USER, password=PASSWORD)
    return client.api_client.auth_api.create_login(request)[0].key


def await_data(client: Client, task_id: int) -> str:
    """Wait until the data of a task are there, and tell how many frames it has."""
    client.wait_for_completion(f"action=create&target=task&target_id={task_id}")
    return f"task {task_id} has {client.tasks.retrieve(task_id).size} frames"


COMMANDS = {
    "token": make_token,
    "project": make_project,
    "task": lambda client: make_task(client).id,
    "filled-task": lambda client: make_filled_task(client).id,
    "job": lambda client: make_job(client).id,
    "person": find_person,
    "await": lambda client: await_data(client, int(sys.argv[2])),
}

if __name__ == "__main__":
    print(COMMANDS[sys.argv[1]](connect()))
