"""Make a job of ground truth of random frames.

Differs from the guide: the high level has no jobs.create, so the low level is used.
"""

from cvat_sdk import models

from stage import connect, make_filled_task

client = connect()
task_id = make_filled_task(client).id

# Create ground truth job
gt_job, _ = client.api_client.jobs_api.create(
    models.JobWriteRequest(
        task_id=task_id,
        type="ground_truth",
        frame_selection_method="random_uniform",
        frame_count=50,  # 50 random frames
        random_seed=42,
    )
)

print(f"{gt_job.type}, {gt_job.frame_count} frames")
