"""Upload pictures to a task.

As in the guide.
"""

from cvat_sdk.core.proxies.tasks import ResourceType

from stage import connect, make_task

task = make_task(connect())

# Upload local images
task.upload_data(
    resources=[
        "path/to/image1.jpg",
        "path/to/image2.jpg",
        "path/to/image3.jpg",
    ],
    resource_type=ResourceType.LOCAL,
    params={
        "image_quality": 70,
        "chunk_size": 72,
        "sorting_method": "natural",
    },
)

print(f"{task.size} frames, {task.data_chunk_size} in a chunk")
