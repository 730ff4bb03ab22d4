"""Upload a video to a task, of which every fifth frame is taken.

Differs from the guide: frame_step, as the SDK drops frame_filter.
"""

from cvat_sdk.core.proxies.tasks import ResourceType

from stage import connect, make_task

task = make_task(connect())

# Upload video
task.upload_data(
    resources=["path/to/video.mp4"],
    resource_type=ResourceType.LOCAL,
    params={
        "frame_step": 5,  # Every 5th frame
        "start_frame": 0,
        "stop_frame": 1000,
    },
)

print(f"{task.size} frames, filter {task.get_meta().frame_filter}")
