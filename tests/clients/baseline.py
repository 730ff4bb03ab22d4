"""Reading mp4 chunks as the strictest viewer does, which plays Baseline only."""

import io
from dataclasses import dataclass

import av
import numpy as np
from av.video.frame import PictureType

AVCC_HEAD = 5  # bytes of avcC before the parameter sets
CONSTRAINED = 0x40  # constraint_set1_flag of an SPS


def decode(chunk: bytes) -> list[av.VideoFrame]:
    """Decode a chunk after checking that a Baseline decoder can."""
    with av.open(io.BytesIO(chunk)) as container:
        (stream,) = container.streams
        assert (stream.id, stream.codec_context.name) == (1, "h264")
        assert_baseline(stream.codec_context.extradata)
        assert not stream.codec_context.has_b_frames
        assert stream.average_rate == 25
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert packets[0].is_keyframe, "the chunk does not begin with a keyframe"
        frames = [frame for packet in packets for frame in packet.decode()]
        frames += stream.codec_context.decode(None)
        step = 1 / (25 * stream.time_base)
        assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
        assert [frame.pts for frame in frames] == [n * step for n in range(len(packets))]
        assert all(frame.pict_type in (PictureType.I, PictureType.P) for frame in frames)
        assert all(frame.format.name == "yuv420p" for frame in frames)
        assert all(frame.width % 2 == frame.height % 2 == 0 for frame in frames)
        return frames


def assert_baseline(avcc: bytes) -> None:
    """Check the parameter sets of an avcC box: profile and entropy coding."""
    sps, rest = parameter_sets(avcc[AVCC_HEAD:], 0x1F)
    pps, _ = parameter_sets(rest, 0xFF)
    assert len(sps) == len(pps) == 1, "viewers read the first of each only"
    assert sps[0][0] & 0x1F == 7
    assert sps[0][1:3] == avcc[1:3]
    assert sps[0][1] == 66, f"profile {sps[0][1]} is not Baseline"
    assert sps[0][2] & CONSTRAINED, "the profile is not constrained"
    assert pps[0][0] & 0x1F == 8
    bits = Bits(pps[0][1:])
    bits.exp_golomb()  # pic_parameter_set_id
    bits.exp_golomb()  # seq_parameter_set_id
    assert bits.bit() == 0, "entropy coding is CABAC"


def parameter_sets(box: bytes, mask: int) -> tuple[list[bytes], bytes]:
    """Split a count and so many sets, with their lengths, off a box."""
    count, box = box[0] & mask, box[1:]
    sets = []
    for _ in range(count):
        size = int.from_bytes(box[:2], "big")
        sets.append(box[2 : 2 + size])
        box = box[2 + size :]
    return sets, box


@dataclass
class Bits:
    """A reader of the bits of a parameter set."""

    text: bytes
    at: int = 0

    def bit(self) -> int:
        value = self.text[self.at // 8] >> (7 - self.at % 8) & 1
        self.at += 1
        return value

    def exp_golomb(self) -> int:
        zeros = 0
        while not self.bit():
            zeros += 1
        value = 1
        for _ in range(zeros):
            value = value << 1 | self.bit()
        return value - 1


def likeness(a: av.VideoFrame, b: av.VideoFrame) -> float:
    """Return the peak signal-to-noise ratio of two 4:2:0 frames in dB."""
    first, second = (f.to_ndarray(format="yuv420p").astype(float) for f in (a, b))
    assert first.shape == second.shape, f"sizes differ: {first.shape} and {second.shape}"
    error = ((first - second) ** 2).mean()
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)
