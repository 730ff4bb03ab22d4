"""The API as people call it by hand, with a token and multipart forms."""

import json
import os
import time

import pytest
import urllib3

from media import number_in

BASE = os.environ.get("FRAMEMILL_URL", "")


@pytest.fixture(scope="module")
def call():
    """Send a request with a token; JSON in, JSON out."""
    http = urllib3.PoolManager()
    login = {"username": os.environ["FRAMEMILL_USER"], "password": os.environ["FRAMEMILL_PASSWORD"]}
    token = http.request("POST", f"{BASE}/api/auth/login", json=login).json()["key"]

    def send(method: str, path: str, want: int, **kwargs):
        headers = {"Authorization": f"Token {token}"}
        answer = http.request(method, BASE + path, headers=headers, retries=False, **kwargs)
        assert answer.status == want, answer.data
        return answer

    return send


@pytest.fixture
def task(call):
    spec = {"name": "Traffic Scene Batch 1", "segment_size": 2, "labels": [{"name": "car"}]}
    made = call("POST", "/api/tasks", 201, json=spec).json()
    yield made["id"]
    call("DELETE", f"/api/tasks/{made['id']}", 204)


def await_ingest(call, rq_id: str) -> dict:
    for _ in range(600):
        request = call("GET", f"/api/requests/{rq_id}", 200).json()
        if request["status"] in ("finished", "failed"):
            return request
        time.sleep(0.1)
    raise AssertionError(f"{rq_id} has not ended")


def test_files_and_parameters_in_one_form(call, task, pictures):
    form = {"image_quality": "70", "chunk_size": "2"}
    for place, picture in enumerate(pictures[:3]):
        form[f"client_files[{place}]"] = (picture.name, picture.read_bytes())
    accepted = call("POST", f"/api/tasks/{task}/data", 202, fields=form).json()
    assert accepted["rq_id"] == f"action=create&target=task&target_id={task}"
    request = await_ingest(call, accepted["rq_id"])
    assert (request["status"], request["progress"]) == ("finished", 1)
    assert request["operation"]["task_id"] == task
    jobs = call("GET", f"/api/jobs?task_id={task}", 200).json()
    assert jobs["count"] == 2
    frame = call("GET", f"/api/tasks/{task}/data?type=frame&number=2", 200)
    assert frame.headers["Content-Type"] == "image/jpeg"
    assert number_in(frame.data) == 2


def test_assign_a_job_by_the_id_of_a_person(call, task, pictures):
    files = [f"pictures/{p.name}" for p in pictures[:2]]
    body = {"image_quality": 70, "server_files": files}
    accepted = call("POST", f"/api/tasks/{task}/data", 202, json=body).json()
    await_ingest(call, accepted["rq_id"])
    (job,) = call("GET", f"/api/jobs?task_id={task}", 200).json()["results"]
    me = call("GET", "/api/users/self", 200).json()
    changed = call("PATCH", f"/api/jobs/{job['id']}", 200, json={"assignee_id": me["id"]}).json()
    assert changed["assignee"]["id"] == me["id"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/tasks", {"labels": []}, 400),  # no name
        ("POST", "/api/tasks", {"name": "x", "segment_size": -1}, 400),
        ("POST", "/api/tasks", {"name": "x", "segment_size": "many"}, 400),
        ("PATCH", "/api/tasks/{task}", {"segment_size": 3}, 403),  # written once
        ("PUT", "/api/tasks/{task}", {"name": "x"}, 405),
        ("POST", "/api/tasks/{task}/data", {"image_quality": 101}, 400),
        ("GET", "/api/tasks/999999", None, 404),
        ("GET", "/api/tasks/{task}/data?type=frame&number=0", None, 404),  # no data yet
    ],
)
def test_mistakes_are_answered_clearly(call, task, method, path, body, status):
    kwargs = {} if body is None else {"json": body}
    answer = call(method, path.format(task=task), status, **kwargs)
    assert answer.data, "an error says what is wrong"
    json.loads(answer.data)


def test_a_broken_picture_is_named(call, task, pictures, folder):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no picture")
    body = {"image_quality": 70, "server_files": [f"{folder.name}/broken.jpg"]}
    accepted = call("POST", f"/api/tasks/{task}/data", 202, json=body).json()
    request = await_ingest(call, accepted["rq_id"])
    assert request["status"] == "failed"
    assert "broken.jpg" in request["message"]


def test_paths_outside_the_share_are_refused(call, task):
    body = {"image_quality": 70, "server_files": ["../etc/passwd"]}
    answer = call("POST", f"/api/tasks/{task}/data", 400, json=body)
    assert b"root:" not in answer.data
