"""Cuts a video into chunks with PyAV and Pillow, single-threaded, and prints
the processor seconds that it took: reference.py zip|mp4 VIDEO FOLDER STEP"""

import io
import resource
import sys
import zipfile
from fractions import Fraction

import av

CHUNK, QUALITY = 36, 70


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def kept(path: str, step: int):
    """Every step-th frame, in the order of presentation."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        for n, frame in enumerate(container.decode(stream)):
            if n % step == 0:
                yield frame


def chunks(frames):
    """Lists of no more frames than a chunk has."""
    part = []
    for frame in frames:
        part.append(frame)
        if len(part) == CHUNK:
            yield part
            part = []
    if part:
        yield part


def write_zip(path: str, frames) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for n, frame in enumerate(frames):
            jpeg = io.BytesIO()
            frame.to_image().save(jpeg, format="JPEG", quality=QUALITY, optimize=True)
            packed.writestr(f"{n:06d}.jpeg", jpeg.getvalue())


def write_mp4(path: str, frames) -> None:
    qp = str(round(51 * (100 - QUALITY) / 99))
    height, width = frames[0].height, frames[0].width
    factor = 1
    while height // factor >= 1080:
        factor *= 2
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libopenh264", rate=25)
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = width // factor, height // factor
        stream.options = {"profile": "constrained_baseline", "qmin": qp, "qmax": qp, "rc_mode": "buffer"}
        for n, frame in enumerate(frames):
            small = frame.reformat(width=stream.width, height=stream.height, format="yuv420p")
            small.pts = n
            small.time_base = Fraction(1, 25)
            small.pict_type = 0
            container.mux(stream.encode(small))
        container.mux(stream.encode())


def main() -> None:
    form, path, folder, step = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    write = {"zip": write_zip, "mp4": write_mp4}[form]
    for n, part in enumerate(chunks(kept(path, step))):
        write(f"{folder}/{n}.{form}", part)


before = used()  # importing does not count
main()
print(used() - before)
