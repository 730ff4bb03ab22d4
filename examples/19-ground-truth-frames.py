"""Make a job of ground truth of frames that are named.

Differs from the guide: the high level has no jobs.create, so the low level is used.
"""

from cvat_sdk import models

from stage import connect, make_filled_task

client = connect()
task_id = make_filled_task(client).id

# Manual frame selection
gt_job, _ = client.api_client.jobs_api.create(
    models.JobWriteRequest(
        task_id=task_id,
        type="ground_truth",
        frame_selection_method="manual",
        frames=[0, 10, 20, 30, 40],  # Specific frames
    )
)

print(client.jobs.retrieve(gt_job.id).get_meta().included_frames)
