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
"""Single pictures: decode a file, resize, and cut out what evaluation sees.

The evaluation view is the usual one for ImageNet: the shorter side resized to S / 0.875 (256 for
224), then the centre S x S. Shrinking averages areas (no aliasing), enlarging is bilinear.
"""

import io
import stat
import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
CENTRE_SHARE = 0.875
LARGEST_FILE = 2**30  # bytes
LARGEST_PICTURE = 2**28 // 3  # pixels: 256 MiB when decoded
LONGEST_STRIP = 8  # sides; of a longer picture evaluation sees the middle
ORIENTATION = 0x0112  # EXIF tag
# Orientation -> transpose, then the order of the rows, then that of the columns (EXIF 2.3, 4.6.4 A).
TURNS = {
    2: (False, 1, -1), 3: (False, -1, -1), 4: (False, -1, 1),
    5: (True, 1, 1), 6: (True, 1, -1), 7: (True, -1, -1), 8: (True, -1, 1),
}  # fmt: skip
DAMAGED_EXIF = (SyntaxError, ValueError, LookupError, TypeError, OSError, struct.error)
KINDS_OF_FILE = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
)  # fmt: skip

# All formats at once: of threads that make Pillow load them, one may miss a format.
Image.init()
# Pillow only warns of the pictures that are refused here.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class UnreadablePicture(Exception):
    """The file cannot be opened or is not a whole picture; the text says which."""


def read_picture(path: str | Path) -> np.ndarray:
    """Decode to uint8 [H,W,3], RGB. Grey becomes three channels, transparency is dropped.

    The orientation that a camera noted (EXIF) is applied. Decoding from memory is stricter than
    from a file: OpenCV then refuses a truncated JPEG.

    Raises:
        UnreadablePicture: no such file, a link to nothing, a pipe or folder, no permission, empty,
            truncated, not a picture, or one of more than `LARGEST_PICTURE` pixels.
    """
    data = _file_bytes(Path(path))
    header = _header(data)
    # OpenCV applies the orientation of JPEG and PNG, and knows none of WebP.
    is_webp = header.format == "WEBP"
    how = cv2.IMREAD_COLOR | (cv2.IMREAD_IGNORE_ORIENTATION if is_webp else 0)
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error as error:
        raise UnreadablePicture("the decoder failed") from error
    if picture is None:
        raise UnreadablePicture("it is truncated or not a picture")
    cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=picture)
    return upright(picture, _orientation(header)) if is_webp else picture


def _file_bytes(path: Path) -> bytes:
    """The content of an ordinary file; opening a pipe would wait for ever for a writer."""
    try:
        status = path.stat()
        for is_kind, kind in KINDS_OF_FILE:
            if is_kind(status.st_mode):
                raise UnreadablePicture(f"it is {kind}, not a file")
        if status.st_size > LARGEST_FILE:
            raise UnreadablePicture(f"it has {status.st_size:,} bytes, at most {LARGEST_FILE:,} are taken")
        data = path.read_bytes()
    except OSError as error:
        is_link = path.is_symlink() and not path.exists()
        reason = "it is a link to nothing" if is_link else error.strerror or str(error)
        raise UnreadablePicture(reason) from error
    if not data:
        raise UnreadablePicture("the file is empty")
    return data


def _header(data: bytes) -> Image.Image:
    """What the file says of itself, nothing decoded; refused before memory is asked for."""
    try:
        header = Image.open(io.BytesIO(data))
        width, height = header.size
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(f"its header asks for too many pixels ({error})") from error
    except Exception as error:  # each format's reader has its own exceptions for damaged bytes
        raise UnreadablePicture("it is truncated or not a picture") from error
    if width * height > LARGEST_PICTURE:
        raise UnreadablePicture(
            f"its header asks for {width} x {height} pixels, at most {LARGEST_PICTURE:,} are taken"
        )
    return header


def _orientation(header: Image.Image) -> int:
    try:
        return header.getexif().get(ORIENTATION, 1)
    except DAMAGED_EXIF:  # spoils no picture
        return 1


def upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    """[H,W,3] turned and mirrored as EXIF's orientation 1..8 asks; anything else leaves it."""
    transposed, rows, columns = TURNS.get(orientation, (False, 1, 1))
    picture = picture.transpose(1, 0, 2) if transposed else picture
    return np.ascontiguousarray(picture[::rows, ::columns])


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize uint8 [H,W,3] to [height,width,3]."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height <= picture.shape[0] and width <= picture.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=how)


def evaluation_view(picture: np.ndarray, size: int) -> np.ndarray:
    """Shorter side to size / 0.875, then the centre: uint8 [H,W,3] -> uint8 [size,size,3]."""
    picture = without_ends(picture)
    height, width = picture.shape[:2]
    shorter = int(np.floor(size / CENTRE_SHARE + 0.5))
    if height <= width:
        height, width = shorter, shorter * width // height
    else:
        height, width = shorter * height // width, shorter
    picture = resize(picture, height, width)
    top, left = (height - size + 1) // 2, (width - size + 1) // 2  # floor((H - S) / 2 + 0.5)
    return picture[top : top + size, left : left + size]


def without_ends(picture: np.ndarray) -> np.ndarray:
    """The middle of a picture longer than `LONGEST_STRIP` times its shorter side, else all of it.

    The view takes the middle anyway; resized whole, 1 x 20000 pixels would be 256 x 5 million.
    """
    longest = LONGEST_STRIP * min(picture.shape[:2])
    rows, columns = (
        slice((side - longest) // 2, (side + longest) // 2) if side > longest else slice(None)
        for side in picture.shape[:2]
    )
    return picture[rows, columns]
