"""Exports: the dataset in the formats that trainers read, one module per family."""

from higan_cam.publish.exports.export import EXPORTS, Exported, export_run

__all__ = ["EXPORTS", "Exported", "export_run"]
