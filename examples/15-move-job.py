"""Move a job to the next stage.

As in the guide.
"""

from cvat_sdk import models

from stage import connect, make_job

job = make_job(connect())

# Move job to validation stage
job.update(
    models.PatchedJobWriteRequest(
        stage="validation",
        state="new",
    )
)

print(f"{job.stage}, {job.state}")
