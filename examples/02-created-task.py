"""What the server answers when a task was created: at least these fields.

Differs from the guide: ids, names and dates are those of this server.
"""

import json

from cvat_sdk import models

from stage import USER, connect, make_project

client = connect()
project_id = make_project(client)
_, response = client.api_client.tasks_api.create(
    models.TaskWriteRequest(
        name="Traffic Scene Batch 1",
        project_id=project_id,
        overlap=5,
        segment_size=100,
        subset="train",
    )
)
task = json.loads(response.data)

answered = {
    "id": task["id"],
    "name": "Traffic Scene Batch 1",
    "project_id": project_id,
    "owner": {"id": client.users.retrieve_current_user().id, "username": USER},
    "assignee": None,
    "status": "annotation",
    "overlap": 5,
    "segment_size": 100,
    "subset": "train",
    "mode": "annotation",
    "dimension": "2d",
    "size": 0,
    "created_date": task["created_date"],
    "updated_date": task["updated_date"],
    "jobs": {"count": 0, "completed": 0, "validation": 0},
}


def without_more(value, like):
    """Return the value with those fields only that the other one has."""
    if isinstance(like, dict):
        return {name: without_more(value[name], like[name]) for name in like}
    return value


shown = without_more(task, answered)
print(json.dumps(shown, indent=2))
assert (response.status, shown) == (201, answered)
