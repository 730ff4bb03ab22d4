"""Have the server download pictures.

As in the guide, with the site that FRAMEMILL_SITE names.
"""

import os

from cvat_sdk.core.proxies.tasks import ResourceType

from stage import connect, make_task

task = make_task(connect())
site = os.environ.get("FRAMEMILL_SITE", "https://example.com")

task.upload_data(
    resources=[
        f"{site}/image1.jpg",
        f"{site}/image2.jpg",
    ],
    resource_type=ResourceType.REMOTE,
)

print([frame.name for frame in task.get_frames_info()])
