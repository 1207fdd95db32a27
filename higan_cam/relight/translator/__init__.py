"""A network that predicts a lamp's light in a picture: pix2pix whose answer is light, not a picture."""

from higan_cam.relight.translator.translator import (
    Translator,
    carried_light,
    light_in,
    load_translator,
    predict_light,
    save_translator,
    translate,
    translator_file,
)

__all__ = [
    "Translator",
    "carried_light",
    "light_in",
    "load_translator",
    "predict_light",
    "save_translator",
    "translate",
    "translator_file",
]
