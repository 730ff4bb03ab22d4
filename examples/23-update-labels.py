"""Change the labels of a task that belongs to no project.

As in the guide, with a label of this server.
"""

from cvat_sdk import models

from stage import connect, make_task

task = make_task(connect())
(label,) = task.get_labels()

task.update(
    models.PatchedTaskWriteRequest(
        labels=[
            models.PatchedLabelRequest(
                id=label.id,
                name="updated_label_name",
            ),
            models.PatchedLabelRequest(
                name="new_label",
                color="#ff00ff",
            ),
        ]
    )
)

print({label.name: label.color for label in task.get_labels()})
