"""The one way to fail."""


class TakoError(Exception):
    """Something that the specification refuses.

    `kind` is the specification's kind of the error, `rule` the requirement that is broken, and
    `line` where in the file, counted from 1. The reason never repeats the text that was read: it may
    hold a secret, or an escape sequence.
    """

    def __init__(self, kind: str, rule: str, reason: str, line: int | None = None):
        super().__init__(f"{rule}: {reason}")
        self.kind = kind
        self.rule = rule
        self.reason = reason
        self.line = line

    def within(self, kind: str, line: int | None = None) -> "TakoError":
        """The same as an error of what contains the refused text: a manifest, a config, a pattern."""
        return TakoError(kind, self.rule, self.reason, line)
