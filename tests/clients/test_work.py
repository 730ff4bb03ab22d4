"""What people do with tasks and jobs once they are there."""

import json
import os

import pytest
from cvat_sdk import Client, models
from cvat_sdk.api_client import exceptions


def test_a_task_without_data(client: Client):
    task = client.tasks.create(
        models.TaskWriteRequest(
            name="Pedestrians", labels=[{"name": "person"}], segment_size=100, subset="Train"
        )
    )
    assert (task.name, task.subset, task.status) == ("Pedestrians", "Train", "annotation")
    assert task.owner.username
    assert task.get_jobs() == []
    task.remove()


def test_labels(create, pictures):
    labels = [
        {"name": "car", "color": "#ff00ff"},
        {
            "name": "person",
            "attributes": [
                {
                    "name": "age",
                    "mutable": False,
                    "input_type": "select",
                    "values": ["young", "old"],
                    "default_value": "old",
                }
            ],
        },
    ]
    task = create(pictures[:2], spec={"labels": labels})
    by_name = {label.name: label for label in task.get_labels()}
    assert set(by_name) == {"car", "person"}
    assert by_name["car"].color == "#ff00ff"
    attribute = by_name["person"].attributes[0]
    assert (attribute.name, attribute.default_value) == ("age", "old")
    assert attribute["values"] == ["young", "old"]
    (job,) = task.get_jobs()
    assert {label.name for label in job.get_labels()} == {"car", "person"}


def test_update_task(create, client, pictures):
    task = create(pictures[:2])
    me = client.users.retrieve_current_user()
    task.update(models.PatchedTaskWriteRequest(name="renamed", subset="Test", assignee_id=me.id))
    assert (task.name, task.subset, task.assignee.username) == ("renamed", "Test", me.username)
    task.update(models.PatchedTaskWriteRequest(assignee_id=None))
    assert client.tasks.retrieve(task.id).assignee is None


def test_update_labels(create, pictures):
    task = create(pictures[:2])
    (car,) = task.get_labels()
    task.update(
        models.PatchedTaskWriteRequest(
            labels=[
                models.PatchedLabelRequest(id=car.id, name="lorry"),
                models.PatchedLabelRequest(name="bike", color="#00ff00"),
            ]
        )
    )
    assert sorted(label.name for label in task.get_labels()) == ["bike", "lorry"]


def test_job_stages_decide_the_status_of_the_task(create, client, pictures):
    task = create(pictures[:4], spec={"segment_size": 2})
    first, second = task.get_jobs()
    first.update(models.PatchedJobWriteRequest(state="in progress"))
    assert (first.stage, first.state) == ("annotation", "in progress")
    first.update(models.PatchedJobWriteRequest(stage="validation"))
    assert (first.stage, first.state) == ("validation", "new")
    for job in (first, second):
        job.update(models.PatchedJobWriteRequest(stage="acceptance", state="completed"))
    task.fetch()
    assert task.status == "completed"
    assert (task.jobs.count, task.jobs.completed) == (2, 2)


@pytest.mark.parametrize("field", ["assignee", "assignee_id"])
def test_assign_a_job(create, client, pictures, field):
    task = create(pictures[:2])
    (job,) = task.get_jobs()
    me = client.users.retrieve_current_user()
    job.update(models.PatchedJobWriteRequest(**{field: me.id}))
    assert client.jobs.retrieve(job.id).assignee.username == me.username


def test_lists(create, client, pictures):
    made = {create(pictures[:1]).id for _ in range(12)}
    assert made <= {task.id for task in client.tasks.list()}
    assert made <= {task["id"] for task in json.loads(client.tasks.list(return_json=True))}
    assert made <= {job.task_id for job in client.jobs.list()}


def test_remove(create, client, pictures):
    task = create(pictures[:2])
    task.remove()
    with pytest.raises(exceptions.NotFoundException):
        client.tasks.retrieve(task.id)
    client.tasks.remove_by_ids([task.id])  # says nothing of what is gone


def test_more_data_are_refused(create, pictures):
    task = create(pictures[:2])
    with pytest.raises(exceptions.ApiException) as refusal:
        task.upload_data(pictures[2:3])
    assert refusal.value.status == 400


def test_wrong_password(client: Client):
    with Client(client.api_map.host) as stranger:
        with pytest.raises(exceptions.ApiException) as refusal:
            stranger.login(("admin", "wrong"))
        assert refusal.value.status in (400, 401)
        with pytest.raises(exceptions.UnauthorizedException):
            stranger.tasks.list()


def test_log_out(client: Client):
    with Client(client.api_map.host) as guest:
        guest.login((os.environ["FRAMEMILL_USER"], os.environ["FRAMEMILL_PASSWORD"]))
        guest.logout()
        with pytest.raises(exceptions.UnauthorizedException):
            guest.tasks.list()
