"""Where faces are: by the published detector on real pictures, or the whole picture by word."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor

from higan_cam.generate.images import from_uint8
from higan_cam.generate.loading import load_generator
from higan_cam.label.segmenters.crops import crops_of
from higan_cam.label.segmenters.detection import Faces, Mtcnn, WholePicture
from higan_cam.label.segmenters.mtcnn import ZOO, load_networks
from higan_cam.label.segmenters.segmenter import NO_FACE, SEVERAL_FACES


@dataclass(frozen=True)
class Known:
    """A detector that has been told where the faces of each picture are, the largest first."""

    boxes: tuple[list[list[float]], ...]

    def faces(self, image: Tensor) -> tuple[Faces, ...]:
        assert len(image) == len(self.boxes)
        parts = [torch.tensor(each).reshape(-1, 4) for each in self.boxes]
        return tuple(Faces(part, torch.ones(len(part)), torch.zeros(len(part), 5, 2)) for part in parts)


@pytest.fixture(scope="module")
def mtcnn(fetched: Callable[[str], Path]) -> Mtcnn:
    first, second, third = (str(fetched(name)) for name in ZOO)
    return Mtcnn(load_networks((first, second, third)))


@pytest.fixture(scope="module")
def drawn(fetched: Callable[[str], Path]) -> Tensor:
    """(2,3,128,128): two samples of a published generator of faces, enlarged."""
    generator = load_generator(str(fetched("dcgan_digiface")))
    z = torch.randn((2, generator.z_dim), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        image, _ = generator.synthesize(generator.truncate(generator.map(z)))
    return torch.nn.functional.interpolate(image, (128, 128), mode="bicubic", align_corners=False).clamp(-1, 1)


def test_the_whole_picture_is_a_face_where_one_says_so() -> None:
    crops = crops_of(torch.zeros(2, 3, 20, 30), WholePicture(), 8)
    assert crops.boxes.tolist() == [[0, 0, 30, 20]] * 2
    assert crops.problems == ("", "")
    assert crops.pictures.shape == (2, 3, 8, 8)


def test_no_face_and_several_faces_are_results() -> None:
    one, other = [8.0, 8.0, 24.0, 24.0], [0.0, 0.0, 8.0, 8.0]
    crops = crops_of(torch.zeros(3, 3, 32, 40), Known(([one], [], [one, other])), 16)
    assert crops.problems == ("", NO_FACE, SEVERAL_FACES)
    assert crops.boxes.tolist() == [[4, 4, 28, 28], [0, 0, 40, 32], [4, 4, 28, 28]]
    assert crops.found.tolist() == [True, False, True]


def test_the_crop_is_what_the_box_says_and_answers_to_the_picture() -> None:
    picture = torch.rand((1, 3, 32, 32), generator=torch.Generator().manual_seed(0)).requires_grad_()
    crops = crops_of(picture, Known(([[8.0, 8.0, 24.0, 24.0]],)), 24)
    left, top, right, bottom = (int(side) for side in crops.boxes[0])
    torch.testing.assert_close(crops.pictures, (picture[:, :, top:bottom, left:right] + 1) / 2)
    crops.pictures.sum().backward()
    assert picture.grad is not None
    assert int((picture.grad[0, 0] != 0).sum()) == 24 * 24


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_pictures_become_colour(channels: int) -> None:
    picture = torch.full((1, channels, 8, 8), 0.5)
    picture[:, 3:] = -1  # nothing is to be seen of it
    expected = 1.0 if channels == 4 else 0.75
    torch.testing.assert_close(crops_of(picture, WholePicture(), 8).pictures, torch.full((1, 3, 8, 8), expected))


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected pictures \(N,3,H,W\)"):
        crops_of(torch.zeros(1, 2, 8, 8), WholePicture(), 8)


def test_a_temple_is_no_face(mtcnn: Mtcnn) -> None:
    temple = from_uint8(load_sample_image("china.jpg")[None, ::2, ::2].copy())
    (found,) = mtcnn.faces(temple)
    assert len(found.boxes) == 0
    assert crops_of(temple, mtcnn, 16).problems == (NO_FACE,)


def test_drawn_faces_are_found_where_they_are_put(mtcnn: Mtcnn, drawn: Tensor) -> None:
    """Two samples on a grey wall, the first larger: both are found, in order, eyes above mouths and inside."""
    wall = torch.zeros(1, 3, 200, 330)
    wall[0, :, 20:148, 10:138] = drawn[0]
    wall[0, :, 60:156, 200:296] = torch.nn.functional.interpolate(drawn[1:], (96, 96), mode="area")[0]
    (found,) = mtcnn.faces(wall)
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    assert len(found.boxes) == 2
    assert abs(float(middles[0, 0]) - 74) < 16
    assert abs(float(middles[1, 0]) - 248) < 12
    assert bool((found.landmarks[:, :2, 1].amax(1) < found.landmarks[:, 3:, 1].amin(1)).all())
    assert crops_of(wall, mtcnn, 32).problems == (SEVERAL_FACES,)


def test_threads_get_what_one_alone_gets(mtcnn: Mtcnn, drawn: Tensor) -> None:
    alone = mtcnn.faces(drawn[:1])[0].boxes
    with ThreadPoolExecutor(3) as threads:
        for each in threads.map(lambda _: mtcnn.faces(drawn[:1])[0].boxes, range(6)):
            torch.testing.assert_close(each, alone)


def test_a_picture_smaller_than_any_face_has_none(mtcnn: Mtcnn) -> None:
    assert len(mtcnn.faces(torch.zeros(1, 3, 19, 19))[0].boxes) == 0
