"""What frames, chunks and previews hold."""

import io
import zipfile

import pytest
from PIL import Image

from media import is_written_anew, likeness, number_in, upright

MIN_LIKENESS = 30  # dB; a picture at quality 70 is well above


@pytest.fixture(scope="module")
def sources(pictures):
    return pictures[:20]  # every format and every odd sort of the sample


@pytest.fixture(params=[True, False], ids=["built on request", "built at once"])
def task(create, sources, request):
    return create(sources, chunk_size=6, use_cache=request.param, spec={"segment_size": 10})


def test_original_frames_are_the_sources(task, sources):
    for n, source in enumerate(sources):
        original = task.get_frame(n, quality="original").read()
        if is_written_anew(source):
            assert likeness(original, source) >= 38, source.name
            assert Image.open(io.BytesIO(original)).getexif().get(0x0112, 1) == 1, "not upright"
        else:
            assert original == source.read_bytes(), f"{source.name} was changed"


def test_compressed_frames_look_like_the_sources(task, sources):
    for n, source in enumerate(sources):
        compressed = task.get_frame(n, quality="compressed").read()
        assert Image.open(io.BytesIO(compressed)).format == "JPEG"
        assert number_in(compressed) == n
        assert likeness(compressed, source) >= MIN_LIKENESS, source.name


def test_quality_is_compressed_by_default(task):
    assert task.get_frame(2).read() == task.get_frame(2, quality="compressed").read()


@pytest.mark.parametrize("quality", ["compressed", "original"])
def test_task_chunks(task, sources, quality):
    seen = []
    for chunk in range(4):  # of 6, 6, 6 and 2 frames
        packed = download(task, chunk, quality)
        for place, entry in enumerate(packed.infolist()):
            content, source = packed.read(entry), sources[len(seen)]
            suffix = ".jpeg" if quality == "compressed" else source.suffix
            assert entry.filename == f"{place:06d}{suffix}"
            assert entry.compress_type == zipfile.ZIP_STORED
            if quality == "original" and not is_written_anew(source):
                assert content == source.read_bytes()
            seen.append(number_in(content))
    assert seen == list(range(20))


def test_chunk_frames_are_the_frames(task):
    packed = download(task, 1, "compressed")
    for place, entry in enumerate(packed.infolist()):
        frame = task.get_frame(6 + place, quality="compressed").read()
        assert packed.read(entry) == frame


def test_job_chunks_by_index(task, client):
    second = max(task.get_jobs(), key=lambda j: j.id)
    seen = []
    for index in range(2):  # of 6 and 4 frames
        _, response = client.api_client.jobs_api.retrieve_data(
            second.id, type="chunk", quality="compressed", index=index, _parse_response=False
        )
        assert response.headers["Content-Type"] == "application/zip"
        assert int(response.headers["Content-Length"]) == len(response.data)
        with zipfile.ZipFile(io.BytesIO(response.data)) as packed:
            seen += [number_in(packed.read(entry)) for entry in packed.infolist()]
    assert seen == list(range(10, 20))


def test_meta(task, sources):
    meta = task.get_meta()
    assert (meta.size, meta.start_frame, meta.stop_frame) == (20, 0, 19)
    assert (meta.chunk_size, meta.image_quality, meta.frame_filter) == (6, 70, "")
    assert meta.included_frames is None
    for info, source in zip(meta.frames, sources, strict=True):
        assert info.name == source.name
        assert (info.width, info.height) == upright(source).size, source.name
        assert info.related_files == 0


def test_job_meta(task):
    second = max(task.get_jobs(), key=lambda j: j.id)
    meta = second.get_meta()
    assert (meta.size, meta.start_frame, meta.stop_frame) == (10, 10, 19)
    assert len(meta.frames) == 10


def test_default_chunk_size(create, sources):
    task = create([p for p in sources if upright(p).size == (1920, 1080)])
    assert task.get_meta().chunk_size == 36


def test_previews(task):
    preview = task.get_preview().read()
    assert Image.open(io.BytesIO(preview)).format == "JPEG"
    assert max(upright(preview).size) <= 256
    assert number_in(preview) == 0
    for job in task.get_jobs():
        assert number_in(job.get_preview().read()) == job.start_frame


def test_download_frames(task, sources, tmp_path):
    task.download_frames([2, 4], outdir=tmp_path, quality="original")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["frame_000002.png", "frame_000004.jpg"]
    assert likeness(tmp_path / "frame_000002.png", sources[2]) == float("inf")


def test_removed_frames(task):
    task.remove_frames_by_ids([1, 12])
    assert task.get_meta().deleted_frames == [1, 12]
    first, second = sorted(task.get_jobs(), key=lambda j: j.id)
    assert first.get_meta().deleted_frames == [1]
    second.remove_frames_by_ids([15, 17])
    assert second.get_meta().deleted_frames == [15, 17]
    assert task.get_meta().deleted_frames == [1, 15, 17], "another job's frames stay as they were"
    task.remove_frames_by_ids([])
    assert task.get_meta().deleted_frames == []


def download(task, chunk: int, quality: str) -> zipfile.ZipFile:
    packed = io.BytesIO()
    task.download_chunk(chunk, packed, quality=quality)
    return zipfile.ZipFile(packed)
