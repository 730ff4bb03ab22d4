"""Create a task in a project, by the SDK.

As in the guide, with a login and a project of this server.
"""

from cvat_sdk import Client, models

from stage import PASSWORD, URL, USER, make_project

client = Client(url=URL)
client.login((USER, PASSWORD))
project_id = make_project(client)

# Create task
task = client.tasks.create(
    spec=models.TaskWriteRequest(
        name="Street Scene Annotations",
        project_id=project_id,
        overlap=5,
        segment_size=100,
        subset="validation",
    )
)

print(f"Created task ID: {task.id}")
