#!/usr/bin/env bash
# Give a job to a person, by the REST API.
# As in the guide, with a job and a person of this server.
source "${BASH_SOURCE%/*}/stage.sh"
token=$(stage token)
job_id=$(stage job)
person_id=$(stage person)

curl -X PATCH "$url/api/jobs/$job_id" \
  -H "Authorization: Token $token" \
  -H "Content-Type: application/json" \
  -d '{"assignee_id": '"$person_id"'}'
