"""Hide frames of a validation pool in every job of a task.

As in the guide.
"""

from stage import connect, images, make_task

task = make_task(connect())
images = images()

# Upload data with validation params
task.upload_data(
    resources=images,
    params={
        "validation_params": {
            "mode": "gt_pool",
            "frame_selection_method": "random_per_job",
            "frames_per_job_count": 10,
        }
    },
)

layout, _ = task.api.retrieve_validation_layout(task.id)
print(f"{layout.mode}, {layout.honeypot_count} honeypots, {layout.frames_per_job_count} a job")
