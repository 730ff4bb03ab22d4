"""Look at the jobs of a task.

As in the guide.
"""

from stage import connect, make_filled_task

task = make_filled_task(connect())

# Get all jobs for a task
jobs = task.get_jobs()

for job in jobs:
    print(f"Job {job.id}: frames {job.start_frame}-{job.stop_frame}")
    print(f"  Status: {job.status}")
    print(f"  Stage: {job.stage}")
    print(f"  State: {job.state}")
    print(f"  Assignee: {job.assignee}")
