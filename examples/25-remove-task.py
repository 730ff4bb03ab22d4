"""Delete a task.

Differs from the guide: retrieve takes the id by position only.
"""

from cvat_sdk.exceptions import ApiException

from stage import connect, make_filled_task

client = connect()
task_id = make_filled_task(client).id

task = client.tasks.retrieve(task_id)
task.remove()

try:
    client.tasks.retrieve(task_id)
except ApiException as refusal:
    print(f"{refusal.status}: the task is gone")
