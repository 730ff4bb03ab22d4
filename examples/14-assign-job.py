"""Give a job to a person.

Differs from the guide: retrieve takes the id by position only.
"""

from cvat_sdk import models

from stage import connect, find_person, make_job

client = connect()
job_id = make_job(client).id
person_id = find_person(client)

job = client.jobs.retrieve(job_id)
job.update(models.PatchedJobWriteRequest(assignee_id=person_id))

print(f"Assignee: {job.assignee.username}")
