"""What a user's own module may hold, for the tests of plugins."""

from crackle_stream.model import Alert, CracklePattern, Examination, RecordBatch
from crackle_stream.protocols import Sink, Source
from crackle_stream.window import Window


class MailSink(Sink):
    """Mails each alert."""

    def __init__(self, to: str, *, port: int = 25, tls: bool = True, cc: tuple[str, ...] = ()) -> None:
        self.name = "mail"
        self.to, self.port, self.tls, self.cc = to, port, tls, cc

    async def send(self, alert: Alert) -> None:
        return None


class TokenSink(MailSink):
    def __init__(self, api_token: str = "") -> None:
        super().__init__(api_token)


class OpenSink(MailSink):
    """Takes whatever it is given."""

    def __init__(self, **options: object) -> None:
        super().__init__("")
        self.options = options


class PickySink(MailSink):
    def __init__(self, level: int = 1) -> None:
        if level > 3:
            raise ValueError(f"level is at most 3, not {level}")
        super().__init__("")


class NoSink:
    """Has a name and nothing else."""

    name = "none"


class EmptySource(Source):
    name = "empty"

    async def read(self) -> RecordBatch | None:
        return None


class Rounds:
    """Finds round numbers."""

    name = "rounds"

    def examine(self, window: Window, context: object) -> Examination:
        return Examination(tests=1)


class Broken:
    def __init__(self) -> None:
        raise RuntimeError("no licence")


def find_nothing(window: Window) -> list[CracklePattern]:
    """Finds nothing."""
    return []


NUMBER = 5
