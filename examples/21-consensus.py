"""Have several people annotate the same frames.

As in the guide, with a project of this server; then it uploads, so that there are jobs.
"""

from cvat_sdk import models

from stage import connect, images, make_project

client = connect()
project_id = make_project(client)

# Create task with consensus replicas
task = client.tasks.create(
    spec=models.TaskWriteRequest(
        name="Consensus Task",
        project_id=project_id,
        consensus_replicas=3,  # 3 annotators per job
    )
)

task.upload_data(images())
print(sorted(job.type for job in task.get_jobs()))
