"""Archives beside zip, images beside frames, and point clouds."""

import io
import struct
import tarfile
import zipfile

import pytest
from cvat_sdk.core.exceptions import BackgroundRequestException
from cvat_sdk.core.proxies.tasks import ResourceType
from PIL import Image

from media import likeness, number_in


def names(task) -> list[str]:
    return [frame.name for frame in task.get_frames_info()]


def related(task) -> list[int]:
    return [frame.related_files for frame in task.get_frames_info()]


def context(client, task, number: int) -> dict[str, bytes]:
    """Return the images beside a frame by their names."""
    _, response = client.api_client.tasks_api.retrieve_data(
        task.id, type="context_image", number=number, _parse_response=False
    )
    packed = zipfile.ZipFile(io.BytesIO(response.data))
    return {entry: packed.read(entry) for entry in packed.namelist()}


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_archives(create, pictures, tmp_path, suffix):
    mode = {"tar": "w", "bz2": "w:bz2", "xz": "w:xz"}.get(suffix.split(".")[-1], "w:gz")
    archive = tmp_path / f"pictures.{suffix}"
    with tarfile.open(archive, mode) as packed:
        for picture in reversed(pictures[:4]):
            packed.add(picture, f"day/{picture.name}")
        packed.add(__file__, "day/notes.py")
    task = create([archive])
    assert names(task) == [f"day/{p.name}" for p in pictures[:4]]
    shown = [number_in(task.get_frame(n, quality="compressed").read()) for n in range(4)]
    assert shown == [0, 1, 2, 3]
    assert task.get_frame(0, quality="original").read() == pictures[0].read_bytes()


def test_a_tar_that_climbs_is_refused(create, pictures, tmp_path):
    archive = tmp_path / "bad.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(pictures[0], "../evil.jpg")
    with pytest.raises(BackgroundRequestException, match="evil.jpg"):
        create([archive])


def test_pages_of_a_document(create, pictures, tmp_path):
    """Pages are drawn at 200 dots to the inch, so pictures of 200 fill theirs."""
    pages = [Image.open(p).convert("RGB").resize((400, 200)) for p in pictures[:11]]
    document = tmp_path / "my.report.pdf"
    pages[0].save(document, save_all=True, append_images=pages[1:], resolution=200, quality=95)
    task = create([document])
    assert names(task) == [f"my.report000000000.jpeg-{n:02}.jpg" for n in range(1, 12)]
    assert [(f.width, f.height) for f in task.get_frames_info()] == [(400, 200)] * 11
    shown = [number_in(task.get_frame(n, quality="original").read()) for n in range(11)]
    assert shown == list(range(11))


def test_images_beside_frames(client, create, pictures, tmp_path):
    archive = tmp_path / "pictures.zip"
    frame = pictures[0]
    beside = f"day/related_images/{frame.stem}_{frame.suffix[1:]}"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(frame, f"day/{frame.name}")
        packed.write(pictures[1], f"day/{pictures[1].name}")
        packed.write(pictures[2], f"{beside}/left{pictures[2].suffix}")
        packed.write(pictures[3], f"{beside}/right{pictures[3].suffix}")
        packed.write(pictures[4], "day/related_images/nobody_jpg/x.jpg")
    task = create([archive])
    assert names(task) == [f"day/{frame.name}", f"day/{pictures[1].name}"]
    assert related(task) == [2, 0]
    got = context(client, task, 0)
    assert list(got) == ["left.jpg", "right.jpg"]
    assert [number_in(content) for content in got.values()] == [2, 3]
    assert all(Image.open(io.BytesIO(c)).format == "JPEG" for c in got.values())
    assert likeness(got["left.jpg"], pictures[2]) > 35
    (_, response) = client.api_client.tasks_api.retrieve_data(
        task.id, type="context_image", number=1, _parse_response=False, _check_status=False
    )
    assert response.status == 404


def test_images_beside_selected_frames(client, create, pictures, folder):
    """The number of a frame counts those that were selected."""
    for n in range(4):
        (folder / f"{n}.jpg").write_bytes(pictures[0].read_bytes())
    beside = folder / "related_images" / "2_jpg"
    beside.mkdir(parents=True)
    (beside / f"one{pictures[5].suffix}").write_bytes(pictures[5].read_bytes())
    task = create([f"{folder.name}/"], ResourceType.SHARE, frame_step=2)
    assert related(task) == [0, 1]
    assert [number_in(content) for content in context(client, task, 1).values()] == [5]
    job = task.get_jobs()[0]
    _, response = client.api_client.jobs_api.retrieve_data(
        job.id, type="context_image", number=1, _parse_response=False
    )
    assert zipfile.ZipFile(io.BytesIO(response.data)).namelist() == ["one.jpg"]


def cloud(points: int) -> bytes:
    """Return a point cloud in text."""
    lines = "".join(f"{n} {n + 1} {n + 2}\n" for n in range(points))
    return (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\n"
        f"TYPE F F F\nCOUNT 1 1 1\nWIDTH {points}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\n"
        f"POINTS {points}\nDATA ascii\n{lines}"
    ).encode()


def test_point_clouds(client, create, pictures, tmp_path):
    archive = tmp_path / "clouds.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for n in range(3):
            packed.writestr(f"pointcloud/{n}.pcd", cloud(10 + n))
        packed.write(pictures[1], f"related_images/1_pcd/front{pictures[1].suffix}")
    task = create([archive])
    assert (task.dimension, task.size, task.mode) == ("3d", 3, "annotation")
    assert names(task) == [f"pointcloud/{n}.pcd" for n in range(3)]
    frames = task.get_frames_info()
    assert [(f.width, f.height) for f in frames] == [(10, 1), (11, 1), (12, 1)]
    assert related(task) == [0, 1, 0]
    assert [number_in(c) for c in context(client, task, 1).values()] == [1]
    for quality in ("compressed", "original"):
        assert task.get_frame(2, quality=quality).read() == cloud(12)
        _, response = client.api_client.tasks_api.retrieve_data(
            task.id, type="chunk", number=0, quality=quality, _parse_response=False
        )
        chunk = zipfile.ZipFile(io.BytesIO(response.data))
        assert chunk.namelist() == [f"{n:06}.pcd" for n in range(3)]
        assert [chunk.read(name) for name in chunk.namelist()] == [cloud(10 + n) for n in range(3)]
    _, response = client.api_client.tasks_api.retrieve_data(
        task.id, type="frame", number=0, quality="original", _parse_response=False
    )
    assert response.headers["Content-Type"] == "image/x.point-cloud-data"
    assert max(Image.open(io.BytesIO(task.get_preview().read())).size) <= 256
    assert task.get_jobs()[0].dimension == "3d"


def test_clouds_of_kitti(client, create, pictures, folder):
    points = struct.pack("<8f", 1, 2, 3, 0.5, 4, 5, 6, 0.25)
    (folder / "velodyne_points/data").mkdir(parents=True)
    (folder / "image_02/data").mkdir(parents=True)
    (folder / "velodyne_points/data/0001.bin").write_bytes(points)
    image = folder / f"image_02/data/0001{pictures[7].suffix}"
    image.write_bytes(pictures[7].read_bytes())
    task = create([f"{folder.name}/"], ResourceType.SHARE)
    assert names(task) == [f"{folder.name}/velodyne_points/data/0001.pcd"]
    head, body = task.get_frame(0, quality="original").read().split(b"DATA binary\n")
    assert body == points
    assert b"FIELDS x y z intensity\n" in head and b"WIDTH 2\nHEIGHT 1\n" in head
    assert [number_in(c) for c in context(client, task, 0).values()] == [7]


def test_clouds_and_pictures_do_not_mix(create, pictures, tmp_path):
    (tmp_path / "a.pcd").write_bytes(cloud(3))
    with pytest.raises(BackgroundRequestException, match="Combined media types are not supported"):
        create([tmp_path / "a.pcd", pictures[0]])


def test_a_project_has_one_dimension(client, create, pictures, tmp_path):
    project = client.projects.create({"name": "clouds", "labels": [{"name": "car"}]})
    try:
        spec = {"project_id": project.id, "labels": []}
        create([pictures[0]], spec=spec)
        (tmp_path / "a.pcd").write_bytes(cloud(3))
        with pytest.raises(BackgroundRequestException, match="must be the same as other tasks"):
            create([tmp_path / "a.pcd"], spec=spec)
    finally:
        project.remove()
