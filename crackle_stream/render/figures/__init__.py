"""Figures of findings, made from the window that showed them. Numpy is loaded here and nowhere else in this room."""

from crackle_stream.render.figures.choice import figure_of

__all__ = ["figure_of"]
