"""Why a chain does not hold: one exception, one word that a test and an operator can read."""


class Broken(Exception):
    """A statement, a policy or a chain that must not be believed.

    Args:
        reason: a word of its own for each rule, such as `signature` or `max-path-length`.
        detail: what exactly, for the operator; never for the person who signs in.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail
