#!/usr/bin/env bash
# Create a task in a project, by the command.
# Differs from the guide: the command wants files. That of 2.54 has no --subset.
source "${BASH_SOURCE%/*}/stage.sh"
project_id=$(stage project)

cvat-cli --server-host "$url" --auth "$user:$password" task create \
  --project_id "$project_id" \
  --overlap 5 \
  --segment_size 100 \
  --subset train \
  "Pedestrian Detection Task 1" local image1.jpg
