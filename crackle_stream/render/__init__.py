"""Findings as text: a sentence, a card, a strip of blocks. Pure."""
