# Copyright 2026 The Dynamic Quantization for MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Decoding, resizing and the evaluation view."""

import os
import signal
import socket
import struct
import subprocess
import sys
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from src.data.augment import CROP_DRAWS, crop_box
from src.data.pictures import UnreadablePicture, evaluation_view, read_picture, resize
from tests.project.files import ROOT


def smooth(height: int, width: int) -> np.ndarray:
    """uint8 RGB: red grows to the right, green downwards, blue is 40."""
    red = np.linspace(0, 255, width)[None, :].repeat(height, axis=0)
    green = np.linspace(0, 255, height)[:, None].repeat(width, axis=1)
    return np.stack([red, green, np.full_like(red, 40)], axis=2).astype(np.uint8)


def encoded(extension: str, *options: int) -> bytes:
    data = cv2.imencode(extension, smooth(60, 80)[:, :, ::-1], list(options))[1]
    return data.tobytes()


@pytest.mark.parametrize(("extension", "off"), [(".png", 0), (".bmp", 0), (".jpg", 16)])
def test_pictures_come_as_rgb(tmp_path, extension, off):
    path = tmp_path / f"bild ä{extension}"
    path.write_bytes(encoded(extension))
    got = read_picture(path).astype(int)
    assert got.shape == (60, 80, 3)
    assert np.abs(got - smooth(60, 80)).max() <= off


def test_grey_and_transparent_pictures_get_three_channels(tmp_path):
    grey = smooth(10, 12)[:, :, 0]
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    assert (read_picture(tmp_path / "grey.png") == grey[:, :, None]).all()
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([smooth(10, 12)[:, :, ::-1], grey]))
    np.testing.assert_array_equal(read_picture(tmp_path / "alpha.png"), smooth(10, 12))


PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    ("extension", "options"),
    [(".jpg", ()), (".jpg", PROGRESSIVE), (".png", ()), (".bmp", ()), (".webp", ())],
)
def test_a_truncated_picture_is_refused(tmp_path, extension, options, part):
    data = encoded(extension, *options)
    path = tmp_path / f"x{extension}"
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(UnreadablePicture, match="truncated"):
        read_picture(path)


def test_what_is_no_picture_is_refused_with_the_reason(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello " * 100)
    with pytest.raises(UnreadablePicture, match="empty"):
        read_picture(tmp_path / "empty.jpg")
    with pytest.raises(UnreadablePicture, match="not a picture"):
        read_picture(tmp_path / "text.jpg")
    with pytest.raises(UnreadablePicture, match="No such file"):
        read_picture(tmp_path / "none.jpg")


def test_shrinking_averages_areas():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    blocks = picture.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(resize(picture, 16, 16) - blocks).max() <= 0.51


@pytest.mark.parametrize("shape", [(33, 40), (20, 5), (7, 45)], ids=["both", "rows", "columns"])
def test_enlarging_a_side_is_bilinear(shape):
    """Pixels are squares: sample i lies at (i + 1/2) n / m - 1/2, as OpenCV and PyTorch have it."""
    picture = np.random.default_rng(2).integers(0, 256, (11, 9, 3), np.uint8)

    def along(values, length, axis):
        n = values.shape[axis]
        at = np.clip((np.arange(length) + 0.5) * n / length - 0.5, 0, n - 1)
        low = np.minimum(at.astype(int), n - 2)
        part = (at - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        first, second = np.take(values, low, axis), np.take(values, low + 1, axis)
        return first * (1 - part) + second * part

    expected = along(along(picture.astype(float), shape[0], 0), shape[1], 1)
    assert np.abs(resize(picture, *shape) - expected).max() <= 1.5


@pytest.mark.parametrize(("height", "width"), [(512, 256), (256, 512), (256, 257), (300, 256)])
def test_evaluation_view_without_resizing_is_the_centre(height, width):
    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    top, left = int((height - 224) / 2 + 0.5), int((width - 224) / 2 + 0.5)
    expected = picture[top : top + 224, left : left + 224]
    np.testing.assert_array_equal(evaluation_view(picture, 224), expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 500), (1200, 900), (33, 32), (2, 9)])
@pytest.mark.parametrize("size", [8, 33, 224])
def test_evaluation_view_always_has_the_size(height, width, size):
    assert evaluation_view(smooth(height, width), size).shape == (size, size, 3)


def test_evaluation_view_covers_seven_eighths_of_the_shorter_side():
    view = evaluation_view(smooth(448, 448), 112).astype(float)
    first, last = view[56, 0, 0], view[56, -1, 0]  # red is the place from left to right, 0..255
    assert first == pytest.approx(255 / 16, abs=2) and last == pytest.approx(255 * 15 / 16, abs=2)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_orientation_that_a_camera_noted_is_applied(tmp_path, kind, orientation):
    """Corner colours, as EXIF defines the eight values: where row 0 and column 0 are to be shown."""
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:24, :32], stored[:24, 32:], stored[24:, :32] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": 0}
    Image.fromarray(stored).save(tmp_path / "x.webp", kind, exif=exif, **options)
    seen = {
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1],
        5: stored.transpose(1, 0, 2), 6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(stored),
    }[orientation]  # fmt: skip
    got = read_picture(tmp_path / "x.webp")
    assert got.shape == seen.shape and np.abs(got.astype(int) - seen).max() <= 4


def test_every_format_is_known_before_the_first_thread_reads():
    """Pillow loads formats on demand, and not safely: a thread could take a WebP for no picture."""
    code = "import src.data.pictures; from PIL import Image; print(sorted(Image.OPEN))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for kind in ("BMP", "JPEG", "PNG", "WEBP", "TIFF"):
        assert f"'{kind}'" in done.stdout


def test_damaged_exif_data_spoil_no_picture(tmp_path):
    picture = smooth(20, 30)
    Image.fromarray(picture).save(tmp_path / "x.webp", exif=b"Exif\0\0II*\0junk", lossless=True)
    np.testing.assert_array_equal(read_picture(tmp_path / "x.webp"), picture)


def png_header(width: int, height: int) -> bytes:
    """A PNG that asks for a large picture and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(10_000, 10_000), (1, 2**30), (30_000, 30_000), (2**31 - 1,) * 2])
def test_a_header_that_asks_for_much_memory_is_refused(tmp_path, size):
    (tmp_path / "x.png").write_bytes(png_header(*size))
    tracemalloc.start()
    with pytest.raises(UnreadablePicture, match="its header asks for .*pixels"):
        read_picture(tmp_path / "x.png")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@pytest.mark.parametrize("extension", [".jpg", ".bmp", ".webp"])
def test_so_is_such_a_header_of_other_kinds(tmp_path, extension):
    """A small file whose header was overwritten with a size near the format's limit."""
    options = (cv2.IMWRITE_WEBP_QUALITY, 80) if extension == ".webp" else ()
    data = bytearray(encoded(extension, *options))
    if extension == ".jpg":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", 60_000, 60_000)
    elif extension == ".bmp":
        data[18:26] = struct.pack("<ii", 60_000, 60_000)
    else:
        at = data.index(b"VP8 ") + 14  # width and height of the key frame, 14 bits each
        data[at : at + 4] = struct.pack("<HH", 16_383, 16_383)
    (tmp_path / f"x{extension}").write_bytes(data)
    with pytest.raises(UnreadablePicture, match="pixels|truncated"):
        read_picture(tmp_path / f"x{extension}")


def test_a_file_of_gigabytes_is_not_read(tmp_path):
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(UnreadablePicture, match=r"2,147,483,648 bytes, at most"):
        read_picture(tmp_path / "x.png")


@pytest.fixture
def patience():
    """Ten seconds, then the test fails instead of waiting for ever."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits for a writer"))
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("patience")
def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.jpg"))
    expected = {
        "pipe": "a named pipe", "folder": "a folder", "link": "a link to nothing",
        "device": "a device", "socket": "a socket",
    }  # fmt: skip
    for name, reason in expected.items():
        with pytest.raises(UnreadablePicture, match=reason):
            read_picture(tmp_path / f"{name}.jpg")


@pytest.mark.parametrize("shape", [(1, 20_000), (20_000, 1), (3, 100_000)])
@pytest.mark.parametrize("size", [32, 224])
def test_the_views_of_a_strip_take_little_memory(monkeypatch, shape, size):
    """1 x 20000 pixels, resized whole to 256 x 5 million, would take 4 GB."""
    asked = []
    resized = cv2.resize
    monkeypatch.setattr(
        cv2, "resize", lambda x, to, **how: asked.append(to[0] * to[1]) or resized(x, to, **how)
    )
    strip = smooth(*shape)
    assert evaluation_view(strip, size).shape == (size, size, 3)
    draws = np.random.default_rng(0).random((50, CROP_DRAWS))
    for top, left, height, width in (crop_box(*shape, row) for row in draws):
        assert resize(strip[top : top + height, left : left + width], size, size).size
    assert max(asked) <= 20 * size**2


def test_the_view_of_a_strip_is_its_middle():
    """Red grows along the strip: the view is around the middle, in the right order."""
    view = evaluation_view(smooth(10, 4000), 32)[:, :, 0].astype(int)
    assert abs(view.mean() - 127) < 2 and (np.diff(view.mean(0)) >= 0).all()
