"""The one exception family. Every error says what was wrong, with which value, and what to do."""

from __future__ import annotations


class FogchainError(Exception):
    """Base of all errors meant for the person at the keyboard.

    `hint` is what to do next; command line and API show it under the message.
    `code` is a stable machine-readable name, used in problem-details answers and `--json`.
    """

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadInput(FogchainError):
    """A file, argument or request that can't be taken as it is."""

    code = "bad-input"


class TooLarge(BadInput):
    """More bytes than are taken here."""

    code = "too-large"


class WrongMediaType(BadInput):
    """A request's body is of another kind than is taken there."""

    code = "wrong-media-type"


class Unauthorized(FogchainError):
    """The token is missing or wrong."""

    code = "unauthorized"


class Forbidden(FogchainError):
    """It is clear who asks, and that this one may not."""

    code = "forbidden"


class NotFound(FogchainError):
    """Nothing goes by that name."""

    code = "not-found"


class Conflict(FogchainError):
    """The request is well formed, but the present state forbids it."""

    code = "conflict"


class Unavailable(FogchainError):
    """Something this needs (chain, node, peer, disk) does not answer; trying again later may help."""

    code = "unavailable"


class BadSignature(FogchainError):
    """A signature is malformed, not the claimed signer's, or made for another chain or contract."""

    code = "bad-signature"


class BadMessage(FogchainError):
    """A peer's message does not decode to what it claims to be."""

    code = "bad-message"


class CorruptData(FogchainError):
    """A data folder's files contradict themselves; nothing was changed."""

    code = "corrupt-data"


class PaymentRequired(FogchainError):
    """The balance or budget does not cover what was asked."""

    code = "payment-required"


class JobFailed(FogchainError):
    """A job ended otherwise than well; what was delivered can still be fetched."""

    code = "job-failed"


class TaskError(FogchainError):
    """A task failed, or the function in it raised.

    `index` is the task's or, of a mapped function, the item's. `traceback` is what the far side wrote about it: text
    from a stranger's machine. `kind` names the exception there (`"ZeroDivisionError"`), empty when the task itself
    failed. `result` is the task's result, if it has one.
    """

    code = "task-failed"

    def __init__(
        self, message: str, *, hint: str = "", index: int, traceback: str = "", kind: str = "", result: object = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.index = index
        self.traceback = traceback
        self.kind = kind
        self.result = result

    def __str__(self) -> str:
        return f"{self.message}\n{self.traceback}" if self.traceback else self.message
