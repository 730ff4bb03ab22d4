"""Where media come from, in which order, and which of them become frames."""

import shutil
import zipfile
from pathlib import Path

import pytest
from cvat_sdk import Client, models
from cvat_sdk.core.exceptions import BackgroundRequestException
from cvat_sdk.core.proxies.tasks import ResourceType

from media import number_in


def shown(task) -> list[int]:
    """Return the numbers that the frames of a task show, in order."""
    return [number_in(task.get_frame(n, quality="compressed").read()) for n in range(task.size)]


def names(task) -> list[str]:
    return [frame.name for frame in task.get_frames_info()]


def test_local_files(create, pictures):
    task = create(pictures)
    assert task.size == len(pictures)
    assert task.mode == "annotation"
    assert names(task) == [p.name for p in pictures]
    assert shown(task) == list(range(len(pictures)))


def test_large_archive_in_pieces(create, pictures, tmp_path):
    """A file over 100 MiB goes by a resumable upload."""
    archive = tmp_path / "large.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for picture in pictures[:3]:
            packed.write(picture, picture.name)
        packed.writestr("padding.dat", bytes(101 << 20))
    task = create([archive])
    assert names(task) == [p.name for p in pictures[:3]]
    assert shown(task) == [0, 1, 2]


def test_archive(create, pictures, tmp_path):
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for picture in reversed(pictures[:6]):
            packed.write(picture, f"day/{picture.name}")
        packed.write(pictures[6], f"__MACOSX/day/._{pictures[6].name}")
        packed.writestr("day/notes.txt", "not a picture")
    task = create([archive])
    assert names(task) == [f"day/{p.name}" for p in pictures[:6]]
    assert shown(task) == list(range(6))


@pytest.mark.parametrize("prefix", ["", "/", "/mnt/share/"])
def test_share_files(create, pictures, prefix):
    task = create([f"{prefix}pictures/{p.name}" for p in pictures[:3]], ResourceType.SHARE)
    assert names(task) == [f"pictures/{p.name}" for p in pictures[:3]]
    assert shown(task) == [0, 1, 2]


def test_share_folder_with_exclude(create, pictures, folder):
    (folder / "bad").mkdir()
    for picture in pictures[:4]:
        shutil.copy(picture, folder)
        shutil.copy(picture, folder / "bad")
    task = create(
        [f"{folder.name}/"],
        ResourceType.SHARE,
        server_files_exclude=[f"{folder.name}/bad/", f"{folder.name}/{pictures[1].name}"],
    )
    assert names(task) == [f"{folder.name}/{pictures[n].name}" for n in (0, 2, 3)]
    assert shown(task) == [0, 2, 3]


def test_copied_data_outlive_the_share(create, pictures, folder):
    for picture in pictures[:3]:
        shutil.copy(picture, folder)
    task = create([folder.name], ResourceType.SHARE, copy_data=True)
    for copied in folder.iterdir():
        copied.unlink()
    assert task.get_meta().storage == "local"
    assert task.get_frame(1, quality="original").read() == pictures[1].read_bytes()
    assert shown(task) == [0, 1, 2]


def test_share_is_read_in_place(create, pictures):
    task = create([f"pictures/{pictures[0].name}"], ResourceType.SHARE)
    assert task.get_meta().storage == "share"


@pytest.fixture
def unpadded(pictures, tmp_path) -> list[Path]:
    """Twelve JPEGs whose names are their numbers, without leading zeros."""
    jpegs = [p for p in pictures if p.suffix == ".jpg"]
    return [Path(shutil.copy(p, tmp_path / f"f{number_in(p)}.jpg")) for p in jpegs[:12]]


def test_sorting_lexicographical(create, unpadded):
    task = create(unpadded, sorting_method="lexicographical")
    assert shown(task) == [number_in(p) for p in sorted(unpadded, key=lambda p: p.name)]


def test_sorting_natural(create, unpadded):
    task = create(list(reversed(unpadded)), sorting_method="natural")
    assert shown(task) == [number_in(p) for p in unpadded]


def test_sorting_predefined(create, unpadded):
    wanted = unpadded[1::2] + unpadded[::2]
    task = create(wanted, sorting_method="predefined")
    assert shown(task) == [number_in(p) for p in wanted]


def test_sorting_predefined_on_the_share(create, pictures):
    wanted = [pictures[n] for n in (4, 0, 2)]
    task = create(
        [f"pictures/{p.name}" for p in wanted], ResourceType.SHARE, sorting_method="predefined"
    )
    assert shown(task) == [4, 0, 2]


def test_sorting_random(create, pictures):
    task = create(pictures, sorting_method="random")
    order = shown(task)
    assert sorted(order) == list(range(len(pictures)))
    assert order != sorted(order), "the order is not random"


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"start_frame": 2, "stop_frame": 5}, [2, 3, 4, 5]),
        ({"start_frame": 3, "stop_frame": 20, "frame_step": 4}, [3, 7, 11, 15, 19]),
        ({"frame_step": 10}, [0, 10, 20]),
        ({"start_frame": 21, "stop_frame": 999}, [21, 22, 23]),
    ],
)
def test_frame_range(create, pictures, params, wanted):
    assert len(pictures) == 24
    task = create(pictures, **params)
    meta = task.get_meta()
    assert (meta.size, meta.start_frame, meta.stop_frame) == (len(wanted), wanted[0], wanted[-1])
    assert shown(task) == wanted


@pytest.mark.parametrize(
    ("spec", "spans", "effective"),
    [
        ({}, [(0, 23)], (24, 0)),
        ({"segment_size": 10}, [(0, 9), (10, 19), (20, 23)], (10, 0)),
        ({"segment_size": 10, "overlap": 3}, [(0, 9), (7, 16), (14, 23)], (10, 3)),
        ({"segment_size": 10, "overlap": 99}, [(0, 9), (5, 14), (10, 19), (15, 23)], (10, 5)),
        ({"segment_size": 99}, [(0, 23)], (24, 0)),
    ],
)
def test_segments(create, pictures, spec, spans, effective):
    task = create(pictures, spec=spec)
    jobs = task.get_jobs()
    assert [(j.start_frame, j.stop_frame) for j in sorted(jobs, key=lambda j: j.id)] == spans
    assert (task.segment_size, task.overlap) == effective
    assert all(j.type == "annotation" and j.state == "new" for j in jobs)
    job = max(jobs, key=lambda j: j.id)
    frame = job.get_frame(job.stop_frame, quality="compressed").read()
    assert number_in(frame) == job.stop_frame, "jobs count frames within the task"


def test_job_file_mapping(create, pictures):
    mapping = [[3, 1], [0], [7, 8, 5]]
    task = create(
        pictures[:10], job_file_mapping=[[pictures[n].name for n in job] for job in mapping]
    )
    assert shown(task) == [3, 1, 0, 7, 8, 5]
    jobs = sorted(task.get_jobs(), key=lambda j: j.id)
    assert [(j.start_frame, j.stop_frame) for j in jobs] == [(0, 1), (2, 2), (3, 5)]
    assert (task.segment_size, task.overlap) == (0, 0)


def test_no_media_fails(client: Client):
    task = client.tasks.create(models.TaskWriteRequest(name="empty", labels=[{"name": "car"}]))
    with pytest.raises(BackgroundRequestException, match="No media data found"):
        task.upload_data([])
    task.remove()


def test_two_archives_fail(create, pictures, tmp_path):
    for name in ("a.zip", "b.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            packed.write(pictures[0], pictures[0].name)
    with pytest.raises(BackgroundRequestException, match="Only one video, archive, pdf, zip"):
        create([tmp_path / "a.zip", tmp_path / "b.zip"])
