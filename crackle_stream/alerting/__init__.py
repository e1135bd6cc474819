"""From patterns to alerts: what is new, what lasts, what is over, and who is told. Pure values and rules.

lifecycle    what one kiln has told, as of a window
course       one window's way through it
waiting      events seen, but not often enough to be raised
voice        what is said of it, and what is held back
facts, told  what holds, and which changes were told
routes       who gets what
hush         silences and mute times
"""

from crackle_stream.alerting.active import ActiveAlert, Said
from crackle_stream.alerting.groups import grouped
from crackle_stream.alerting.hush import Hush, Hushed, Why
from crackle_stream.alerting.lifecycle import Lifecycle
from crackle_stream.alerting.mutes import DayTimes, MuteTime
from crackle_stream.alerting.pending import Pending, RaiseAfter
from crackle_stream.alerting.policy import AlertPolicy
from crackle_stream.alerting.routes import Match, Route, Routes
from crackle_stream.alerting.sighting import Sighting
from crackle_stream.alerting.silences import Silence, SilenceBook, TooManySilences

__all__ = [
    "ActiveAlert",
    "AlertPolicy",
    "DayTimes",
    "Hush",
    "Hushed",
    "Lifecycle",
    "Match",
    "MuteTime",
    "Pending",
    "RaiseAfter",
    "Route",
    "Routes",
    "Said",
    "Sighting",
    "Silence",
    "SilenceBook",
    "TooManySilences",
    "Why",
    "grouped",
]
