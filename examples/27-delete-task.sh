#!/usr/bin/env bash
# Delete a task, by the command.
# As in the guide, with a task of this server; then it looks whether it is gone.
source "${BASH_SOURCE%/*}/stage.sh"
task_id=$(stage filled-task)

cvat-cli --server-host "$url" --auth "$user:$password" task delete "$task_id"

cvat-cli --server-host "$url" --auth "$user:$password" task ls | grep -x "$task_id" || echo "the task is gone"
