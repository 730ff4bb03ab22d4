"""Take pictures from the share that is mounted on the server.

As in the guide.
"""

from cvat_sdk.core.proxies.tasks import ResourceType

from stage import connect, make_task

task = make_task(connect())

task.upload_data(
    resources=[
        "/mnt/share/dataset/image1.jpg",
        "/mnt/share/dataset/image2.jpg",
    ],
    resource_type=ResourceType.SHARE,
    params={"copy_data": True},
)

print([frame.name for frame in task.get_frames_info()])
