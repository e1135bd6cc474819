"""Findings as text and pictures. Pure; numpy is loaded by `render.figures` alone.

One content (`content`), three skins: terminal (`card`), HTML (`html`), chat (`chat`). One figure, two drawings: SVG
(`svg`) and terminal cells (`plot`).
"""

from crackle_stream.render.card import card
from crackle_stream.render.chat import chat_text
from crackle_stream.render.html import html_card
from crackle_stream.render.style import CARD_STYLE
from crackle_stream.render.svg import svg

__all__ = ["CARD_STYLE", "card", "chat_text", "html_card", "svg"]
