#!/usr/bin/env bash
# Upload pictures to a task, by the REST API.
# As in the guide, where the names of the files are mangled; then it waits for the data.
source "${BASH_SOURCE%/*}/stage.sh"
token=$(stage token)
task_id=$(stage task)

curl -X POST "$url/api/tasks/$task_id/data" \
  -H "Authorization: Token $token" \
  -F "image_quality=70" \
  -F "client_files[0]=@image1.jpg" \
  -F "client_files[1]=@image2.jpg" \
  -F "client_files[2]=@image3.jpg"

echo
stage await "$task_id"
