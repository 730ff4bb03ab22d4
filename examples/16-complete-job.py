"""Finish a job.

As in the guide.
"""

from cvat_sdk import models

from stage import connect, make_job

job = make_job(connect())

# Mark job as completed
job.update(
    models.PatchedJobWriteRequest(
        state="completed",
    )
)

print(f"{job.stage}, {job.state}")
