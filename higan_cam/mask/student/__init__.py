"""Heat and masks of a picture alone: a network that has learned them from the samples of runs."""

from higan_cam.mask.student.network import StudentNetwork
from higan_cam.mask.student.student import Student, decode_student, encode_student, load_student, save_student

__all__ = ["Student", "StudentNetwork", "decode_student", "encode_student", "load_student", "save_student"]
