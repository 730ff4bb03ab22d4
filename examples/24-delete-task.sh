#!/usr/bin/env bash
# Delete a task, by the REST API.
# As in the guide, with a task of this server; then it looks whether it is gone.
source "${BASH_SOURCE%/*}/stage.sh"
token=$(stage token)
task_id=$(stage filled-task)

curl -X DELETE "$url/api/tasks/$task_id" \
  -H "Authorization: Token $token"

curl "$url/api/tasks/$task_id" -H "Authorization: Token $token" 2>/dev/null || echo " (the task is gone)"
