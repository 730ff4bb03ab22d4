"""Delete tasks by their ids.

Differs from the guide: remove_by_ids, which takes a list, as there is no remove_by_id.
"""

from cvat_sdk.exceptions import ApiException

from stage import connect, make_filled_task

client = connect()
task_id = make_filled_task(client).id

client.tasks.remove_by_ids([task_id])

try:
    client.tasks.retrieve(task_id)
except ApiException as refusal:
    print(f"{refusal.status}: the task is gone")
