"""The work on pictures that the benchmark compares with, by Pillow on one thread.

pictures.py make FOLDER QUALITIES PHOTOGRAPH...
    cuts 1080p out of photographs, adds the noise of a sensor, and writes one
    JPEG for each of them and each quality, all of 4:2:0.
pictures.py chunk OUT PICTURE...
    makes a zip of JPEGs of quality 70, and prints the processor seconds that it
    took and the most bytes that were resident."""

import io
import resource
import sys
import zipfile

from PIL import Image

QUALITY, WIDTH, HEIGHT = 70, 1920, 1080


def make(folder: str, qualities: str, *photographs: str) -> None:
    import numpy

    rng = numpy.random.default_rng(1)
    n = 0
    for path in photographs:
        with Image.open(path) as photograph:
            if photograph.width < WIDTH or photograph.height < HEIGHT:
                continue
            left, top = (photograph.width - WIDTH) // 2, (photograph.height - HEIGHT) // 2
            cut = photograph.convert("RGB").crop((left, top, left + WIDTH, top + HEIGHT))
        noisy = numpy.asarray(cut) + rng.normal(0, 3, (HEIGHT, WIDTH, 3))
        picture = Image.fromarray(noisy.round().clip(0, 255).astype(numpy.uint8))
        for quality in qualities.split(","):
            picture.save(f"{folder}/{n:06d}.jpg", quality=int(quality), subsampling="4:2:0")
            n += 1


def chunk(out: str, *paths: str) -> None:
    before = used()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for n, path in enumerate(paths):
            jpeg = io.BytesIO()
            with Image.open(path) as picture:
                picture.convert("RGB").save(jpeg, format="JPEG", quality=QUALITY, optimize=True)
            packed.writestr(f"{n:06d}.jpeg", jpeg.getvalue())
    print(used() - before, peak())


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


{"make": make, "chunk": chunk}[sys.argv[1]](*sys.argv[2:])
