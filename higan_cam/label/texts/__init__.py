"""Networks that know pictures and texts: what they show and say as points that can be compared."""

from higan_cam.label.texts.loading import TextModel, load_text_model, text_model_file

__all__ = ["TextModel", "load_text_model", "text_model_file"]
