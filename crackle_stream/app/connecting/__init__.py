"""Whether what a configuration names is there: brokers, receivers, directories, addresses. Nothing is sent or made."""

from crackle_stream.app.connecting.trials import Tried, try_all

__all__ = ["Tried", "try_all"]
