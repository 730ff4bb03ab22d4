"""See how far a task is.

Differs from the guide: retrieve takes the id by position only.
"""

from stage import connect, make_filled_task

client = connect()
task_id = make_filled_task(client).id

# Get task status
task_info = client.tasks.retrieve(task_id)
print(f"Status: {task_info.status}")
print(f"Jobs: {task_info.jobs['count']} total, {task_info.jobs['completed']} completed")
