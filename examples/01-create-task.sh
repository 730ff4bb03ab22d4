#!/usr/bin/env bash
# Create a task in a project, by the REST API.
# As in the guide, with a project of this server.
source "${BASH_SOURCE%/*}/stage.sh"
token=$(stage token)
project_id=$(stage project)

curl -X POST "$url/api/tasks" \
  -H "Authorization: Token $token" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "Traffic Scene Batch 1",
    "project_id": '"$project_id"',
    "overlap": 5,
    "segment_size": 100,
    "subset": "train"
  }'
