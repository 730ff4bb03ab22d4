"""Upload a file to a task with the resumable upload of cvat-sdk:
python upload.py URL TASK FILE. Who uploads is in FRAMEMILL_USER and
FRAMEMILL_PASSWORD.
"""

import os
import sys
from pathlib import Path

from cvat_sdk import Client
from cvat_sdk.core.uploading import DataUploader

url, task, file = sys.argv[1:]

with Client(url) as client:
    client.login((os.environ["FRAMEMILL_USER"], os.environ["FRAMEMILL_PASSWORD"]))
    # What is larger than a request goes in pieces; by itself that is 100 MiB.
    uploader = DataUploader(client, max_request_size=1)
    uploader.upload_files(f"{url}/api/tasks/{task}/data/", [Path(file)], image_quality=70)
