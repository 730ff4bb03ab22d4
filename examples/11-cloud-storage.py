"""Take pictures from a bucket that the server knows as a cloud storage.

As in the guide, with the id that FRAMEMILL_CLOUD_STORAGE names.
"""

import os

from cvat_sdk.core.proxies.tasks import ResourceType

from stage import connect, make_task

task = make_task(connect())
cloud_storage_id = int(os.environ["FRAMEMILL_CLOUD_STORAGE"])

task.upload_data(
    resources=["manifest.jsonl"],
    resource_type=ResourceType.SHARE,
    params={
        "cloud_storage_id": cloud_storage_id,
        "filename_pattern": "*.jpg",
    },
)

print([frame.name for frame in task.get_frames_info()])
