#!/usr/bin/env bash
# Create a task with labels of its own, by the command.
# Differs from the guide: the command wants files.
source "${BASH_SOURCE%/*}/stage.sh"

cvat-cli --server-host "$url" --auth "$user:$password" task create \
  --labels '[{"name": "person"}, {"name": "bike"}]' \
  --overlap 0 \
  "Independent Task" local image1.jpg
