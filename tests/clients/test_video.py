"""Frame k of a video is the k-th frame that is presented, wherever it is read."""

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, pairwise, product
from pathlib import Path

import av
import pytest
from cvat_sdk import Client
from cvat_sdk.core.proxies.jobs import Job
from cvat_sdk.core.proxies.tasks import ResourceType, Task
from PIL import Image

import baseline
from clips import CLIPS, FRAMES, Clip, Film, make
from media import number_in

MIN_LIKENESS = 38  # dB, at quality 70

FIRST = CLIPS[0]
FORMS = pytest.mark.parametrize("zips", [True, False], ids=["zip", "mp4"])
PLACES = pytest.mark.parametrize("where", [ResourceType.LOCAL, ResourceType.SHARE], ids=str)


def every_clip(*, but: int = 0):
    """Run a test with every clip, save the first few: most of them on one server."""
    clips = [
        pytest.param(clip, id=clip.name, marks=() if clip is FIRST else pytest.mark.matrix)
        for clip in CLIPS[but:]
    ]
    return pytest.mark.parametrize("clip", clips)


@pytest.fixture(scope="session")
def film(share: Path) -> Callable[[Clip], Film]:
    """Make a clip on the share, once. Other clients may be making theirs."""
    made: dict[Clip, Film] = {}
    folder = Path(tempfile.mkdtemp(prefix="clips-", dir=share))

    def make_once(clip: Clip) -> Film:
        if clip not in made:
            made[clip] = make(clip, folder)
        return made[clip]

    return make_once


@pytest.fixture
def ingest(create, film, share) -> Callable[..., Task]:
    """Create a task from a clip, uploaded or on the share."""

    def create_task(clip: Clip, where: ResourceType, **params) -> Task:
        path = film(clip).path
        resource = path if where is ResourceType.LOCAL else path.relative_to(share).as_posix()
        return create([resource], where, **params)

    return create_task


@pytest.fixture
def ask(client: Client) -> Callable[[str], str]:
    """Fetch what the clients have no method for."""

    def get(path: str) -> str:
        api, url = client.api_client, client.api_map.make_endpoint_url(path)
        headers = api.get_common_headers()
        answer = api.rest_client.GET(url, headers=headers, _parse_response=False)
        return answer.data.decode()

    return get


@FORMS
@every_clip()
def test_every_frame_is_itself(ingest, client, ask, film, clip, zips):
    """Jobs of 40 frames that overlap, in chunks of 20: uploaded, and on the share."""
    where = ResourceType.LOCAL if zips else ResourceType.SHARE
    spec = {"segment_size": 40}
    task = ingest(clip, where, use_zip_chunks=zips, use_cache=zips, chunk_size=20, spec=spec)
    shown = list(range(clip.first, FRAMES))
    assert task.size == film(clip).count == len(shown)
    assert in_chunks(task, zips) == cut(shown, 20)
    assert_jobs(client, task, shown, zips)
    assert_meta(task, clip)
    assert_detail(json.loads(ask(f"/api/tasks/{task.id}")), film(clip), zips)
    assert frame_table(ask, task) == presented(film(clip), range(len(shown)))
    assert_single_frames(task, clip, shown, [17, task.size - 1])


@pytest.mark.parametrize("step", [1, 5, 30])
@pytest.mark.parametrize(("start", "stop"), [(0, None), (7, 61)], ids=["all", "part"])
def test_steps(ingest, ask, film, start, stop, step):
    limits = {"start_frame": start, "frame_step": step} | ({"stop_frame": stop} if stop else {})
    task = ingest(FIRST, ResourceType.LOCAL, use_zip_chunks=stop is None, **limits)
    chosen = range(start, (stop or FRAMES - 1) + 1, step)
    assert_chosen(task, film(FIRST), chosen, stop is None, ask)


@pytest.mark.proof
@pytest.mark.parametrize(("step", "zips"), [(5, False), (30, True)])
@every_clip(but=1)
def test_steps_of_every_clip(ingest, ask, film, clip, step, zips):
    limits = {"start_frame": 3, "stop_frame": 67, "frame_step": step}
    where = ResourceType.LOCAL if zips else ResourceType.SHARE
    task = ingest(clip, where, use_zip_chunks=zips, use_cache=not zips, **limits)
    assert_chosen(task, film(clip), range(3, 68, step), zips, ask)


@FORMS
@PLACES
def test_places_and_forms(ingest, where, zips):
    task = ingest(FIRST, where, use_zip_chunks=zips, chunk_size=50)
    assert in_chunks(task, zips) == cut(list(range(FRAMES)), 50)
    assert task.get_meta().storage == ("local" if where is ResourceType.LOCAL else "share")


@pytest.mark.parametrize("quality", ["compressed", "original"])
def test_mp4_chunks_look_like_the_source(ingest, film, quality):
    """Source and chunks are decoded by PyAV: libav like ours, but no code of the server."""
    task = ingest(FIRST, ResourceType.SHARE, image_quality=70)
    chunk = baseline.decode(chunk_of(task, 0, quality))
    with av.open(film(FIRST).path) as source:
        wanted = list(islice(source.decode(video=0), task.data_chunk_size))
    for n, (got, want) in enumerate(zip(chunk, wanted, strict=True)):
        assert baseline.likeness(got, want) >= MIN_LIKENESS, f"frame {n}"


def together(read: Callable, items: Iterable) -> list:
    """Read several things at once, as a viewer does that looks ahead."""
    with ThreadPoolExecutor(3) as readers:
        return list(readers.map(read, items))


def cut(frames: list[int], size: int) -> list[list[int]]:
    return [frames[lo : lo + size] for lo in range(0, len(frames), size)]


def numbers(chunk: bytes, zips: bool) -> list[int]:
    """Return the numbers that the frames of a chunk show, in order."""
    if not zips:
        return [number_in(frame.to_image()) for frame in baseline.decode(chunk)]
    with zipfile.ZipFile(io.BytesIO(chunk)) as packed:
        entries = packed.infolist()
        assert [e.filename for e in entries] == [f"{n:06d}.jpeg" for n in range(len(entries))]
        assert all(e.compress_type == zipfile.ZIP_STORED for e in entries)
        return [number_in(packed.read(e)) for e in entries]


def chunk_of(task: Task, number: int, quality: str = "compressed") -> bytes:
    chunk = io.BytesIO()
    task.download_chunk(number, chunk, quality=quality)
    return chunk.getvalue()


def in_chunks(task: Task, zips: bool) -> list[list[int]]:
    """Return what each chunk of a task shows."""
    chunks = -(-task.size // task.data_chunk_size)
    return together(lambda n: numbers(chunk_of(task, n), zips), range(chunks))


def assert_jobs(client: Client, task: Task, shown: list[int], zips: bool) -> None:
    """Read jobs that overlap by five frames; the chunks of each begin at its start."""
    jobs = sorted(task.get_jobs(), key=lambda job: job.start_frame)
    assert task.overlap == 5
    assert (jobs[0].start_frame, jobs[-1].stop_frame) == (0, task.size - 1)
    assert all(a.stop_frame - b.start_frame == 4 for a, b in pairwise(jobs))
    for job in jobs:
        frames = shown[job.start_frame : job.stop_frame + 1]
        chunks = cut(frames, task.data_chunk_size)
        read = together(lambda n: job_chunk(client, job, n, zips), range(len(chunks)))
        assert read == chunks
        assert number_in(job.get_preview().read()) == frames[0]


def job_chunk(client: Client, job: Job, index: int, zips: bool) -> list[int]:
    _, response = client.api_client.jobs_api.retrieve_data(
        job.id, type="chunk", quality="compressed", index=index, _parse_response=False
    )
    kind = "application/zip" if zips else "video/mp4"
    assert response.headers["Content-Type"] == kind
    assert int(response.headers["Content-Length"]) == len(response.data)
    return numbers(response.data, zips)


def assert_meta(task: Task, clip: Clip) -> None:
    (frame,) = task.get_frames_info()
    assert (frame.width, frame.height) == clip.size
    assert Path(frame.name).name == f"{clip.name}{clip.suffix}"
    for job in task.get_jobs():
        (frame,) = job.get_frames_info()
        assert (frame.width, frame.height) == clip.size


def assert_detail(detail: dict, film: Film, zips: bool) -> None:
    assert detail["mode"] == "interpolation"
    assert detail["source_frames"] == film.count
    assert detail["variable_frame_rate"] == film.clip.variable
    assert detail["data_compressed_chunk_type"] == ("imageset" if zips else "video")
    assert detail["data_original_chunk_type"] == "video"


def assert_chosen(task: Task, film: Film, chosen: range, zips: bool, ask) -> None:
    shown = [film.clip.first + k for k in chosen]
    meta = task.get_meta()
    assert (meta.size, meta.start_frame, meta.stop_frame) == (len(chosen), chosen[0], chosen[-1])
    assert in_chunks(task, zips) == cut(shown, meta.chunk_size)
    assert frame_table(ask, task) == presented(film, chosen)
    assert_single_frames(task, film.clip, shown, [1, task.size - 1])


def assert_single_frames(task: Task, clip: Clip, shown: list[int], frames: list[int]) -> None:
    """Read frames of both qualities; the original is a PNG of the whole size."""

    def read(asked: tuple[int, str]) -> None:
        n, quality = asked
        frame = task.get_frame(n, quality=quality).read()
        assert number_in(frame) == shown[n], f"{quality} frame {n}"
        picture = Image.open(io.BytesIO(frame))
        if quality == "original":
            assert (picture.format, picture.size) == ("PNG", clip.size)

    together(read, product(frames, ["compressed", "original"]))


def frame_table(ask, task: Task) -> list[tuple[int, int, str, bool]]:
    """Return source frame, presentation time and key of each frame of a task."""
    rows = list(csv.DictReader(io.StringIO(ask(f"/api/tasks/{task.id}/frames.csv"))))
    assert [int(row["frame"]) for row in rows] == list(range(task.size))
    lines = ask(f"/api/tasks/{task.id}/frames.ndjson").splitlines()
    assert [json.loads(line)["pts"] for line in lines] == [int(row["pts"]) for row in rows]
    return [
        (int(row["source_frame"]), int(row["pts"]), row["time_base"], row["key"] == "true")
        for row in rows
    ]


def presented(film: Film, chosen: range) -> list[tuple[int, int, str, bool]]:
    """Return what ffprobe says of the chosen frames."""
    return [(k, film.pts[k], str(film.time_base), film.keys[k]) for k in chosen]
