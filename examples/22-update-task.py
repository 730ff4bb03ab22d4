"""Change the properties of a task.

As in the guide, with a person of this server.
"""

from cvat_sdk import models

from stage import connect, find_person, make_task

client = connect()
task = make_task(client)
person_id = find_person(client)

task.update(
    models.PatchedTaskWriteRequest(
        name="Updated Task Name",
        assignee_id=person_id,
        subset="test",
    )
)

print(f"{task.name}, {task.assignee.username}, {task.subset}")
