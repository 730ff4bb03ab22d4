"""Clips whose frames have their numbers burnt in, made by ffmpeg.

Below the bar code, which media.number_in reads, a picture with the spectrum of
a photograph moves by a few pixels a frame.
"""

import json
import subprocess
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

FRAMES = 90
WIDTH, HEIGHT = 192, 144


@dataclass(frozen=True)
class Clip:
    """One way to encode the numbered frames."""

    name: str
    suffix: str
    args: tuple[str, ...]  # of ffmpeg, after the input
    seek: tuple[str, ...] = ()  # of a second run, before its input
    copy: tuple[str, ...] = ()  # of a second run, after its input
    first: int = 0  # the number that frame 0 shows
    size: tuple[int, int] = (WIDTH, HEIGHT)
    variable: bool = False

    @property
    def count(self) -> int:
        return FRAMES - self.first


@dataclass(frozen=True)
class Film:
    """A clip on disk, and what ffprobe finds when it decodes all of it."""

    clip: Clip
    path: Path
    count: int
    time_base: Fraction
    pts: list[int] = field(repr=False)
    keys: list[bool] = field(repr=False)


def x264(params: str, *more: str) -> tuple[str, ...]:
    usual = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-pix_fmt", "yuv420p")
    return (*usual, "-x264-params", params, *more)


B_FRAMES = "keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0"
HEVC = f"log-level=error:crf=14:{B_FRAMES}:open-gop=1"
UNEVEN = "settb=1/1000,setpts='N*40+mod(N*N,7)*5'"

CLIPS = [
    Clip("B-frames", ".mp4", x264(B_FRAMES)),
    Clip(
        "variable rate",
        ".mp4",
        x264(B_FRAMES, "-vf", UNEVEN, "-fps_mode", "passthrough", "-enc_time_base", "1:1000"),
        variable=True,
    ),
    Clip("open GOP", ".mp4", x264(f"{B_FRAMES}:open-gop=1")),
    # Cut in the middle of a group, which an edit list hides.
    Clip("edit list", ".mp4", x264(B_FRAMES), seek=("-ss", "0.8"), copy=("-c", "copy"), first=20),
    Clip("fragmented", ".mp4", x264(B_FRAMES, "-movflags", "+frag_keyframe+empty_moov")),
    Clip("transport stream", ".ts", x264(f"{B_FRAMES}:open-gop=1")),
    Clip("Matroska", ".mkv", x264(B_FRAMES)),
    Clip(
        "VP9 in WebM",
        ".webm",
        # Frames that are never shown make packets and frames differ.
        ("-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", "8", "-auto-alt-ref", "1")
        + ("-lag-in-frames", "16", "-g", "20", "-b:v", "2M", "-pix_fmt", "yuv420p"),
    ),
    Clip(
        "HEVC",
        ".mp4",
        ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", HEVC)
        + ("-pix_fmt", "yuv420p", "-tag:v", "hvc1"),
    ),
    Clip("MJPEG in Matroska", ".mkv", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")),
    Clip("one keyframe", ".mp4", x264("keyint=infinite:scenecut=0:bframes=2")),
    Clip(
        "turned",
        ".mp4",
        x264(B_FRAMES, "-vf", "transpose=cclock"),
        copy=("-c", "copy", "-metadata:s:v:0", "rotate=270"),
    ),
    Clip(
        "odd size",
        ".mp4",
        ("-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-g", "12")
        + ("-pix_fmt", "yuv444p", "-vf", "scale=181:133"),
        size=(181, 133),
    ),
]


@cache
def numbered() -> bytes:
    """Return the frames as raw RGB."""
    view = scenery(WIDTH + 2 * FRAMES, HEIGHT + FRAMES)
    return b"".join(
        numbered_picture(view[n : n + HEIGHT, 2 * n : 2 * n + WIDTH], n).tobytes()
        for n in range(FRAMES)
    )


def scenery(width: int, height: int) -> np.ndarray:
    """Return noise of many scales, each half as strong as the next larger one."""
    random = np.random.default_rng(4)
    view = np.full((height, width, 3), 128.0)
    for octave in range(1, 7):
        grain = random.integers(0, 256, (height >> octave, width >> octave, 3), dtype=np.uint8)
        smooth = Image.fromarray(grain).resize((width, height), Image.Resampling.BICUBIC)
        view += (np.asarray(smooth) - 127.5) * 2.0 ** (octave - 6)
    return view.clip(0, 255).astype(np.uint8)


def numbered_picture(view: np.ndarray, number: int) -> np.ndarray:
    picture = view.copy()
    bits = np.array([int(bit) for bit in f"{number:016b}"], dtype=np.uint8) * 255
    row = np.repeat(bits, WIDTH // 16)[:, np.newaxis]
    picture[: HEIGHT // 16] = row
    picture[HEIGHT // 16 : HEIGHT // 8] = 255 - row
    return picture


def make(clip: Clip, folder: Path) -> Film:
    """Encode the clip into the folder and decode it with ffprobe."""
    path = folder / f"{clip.name}{clip.suffix}"
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", "25")
    ffmpeg(*raw, "-i", "-", *clip.args, path, stdin=numbered())
    if clip.copy:
        whole = path.rename(folder / f"whole {path.name}")
        ffmpeg(*clip.seek, "-i", whole, *clip.copy, path)
        whole.unlink()
    return probe(clip, path)


def ffmpeg(*args: str | Path, stdin: bytes | None = None) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *args], input=stdin, check=True)


def probe(clip: Clip, path: Path) -> Film:
    shown = "frame=best_effort_timestamp,key_frame:stream=time_base,nb_read_frames"
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "V:0", "-count_frames"]
        + ["-show_entries", shown, "-of", "json", path],
        check=True,
        capture_output=True,
    )
    facts = json.loads(told.stdout)
    (stream,), frames = facts["streams"], facts["frames"]
    return Film(
        clip,
        path,
        int(stream["nb_read_frames"]),
        Fraction(stream["time_base"]),
        [frame["best_effort_timestamp"] for frame in frames],
        [frame["key_frame"] == 1 for frame in frames],
    )
