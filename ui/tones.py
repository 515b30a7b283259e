"""One map from every state the API names to a tone (a colour), an icon and a word. Colour never stands alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tone:
    name: str  # CSS class t-<name>, c-<name>
    icon: str  # CSS class i-<icon>
    word: str
    spin: bool = False


_UNKNOWN = Tone("neutral", "circle-question-mark", "unknown")

JOB = {
    "planning": Tone("info", "hourglass", "Planning"),
    "running": Tone("run", "loader", "Running", spin=True),
    "settling": Tone("check", "coins", "Settling"),
    "done": Tone("good", "circle-check", "Done"),
    "failed": Tone("bad", "circle-x", "Failed"),
    "cancelled": Tone("warn", "ban", "Cancelled"),
}
TASK = {
    "queued": Tone("neutral", "circle-dashed", "Queued"),
    "sent": Tone("info", "send", "Sent"),
    "running": Tone("run", "loader", "Running", spin=True),
    "checking": Tone("check", "shield-check", "Checking"),
    "done": Tone("good", "circle-check", "Done"),
    "failed": Tone("bad", "circle-x", "Failed"),
    "cancelled": Tone("warn", "ban", "Cancelled"),
}
RUN = {
    "sent": Tone("info", "send", "Sent"),
    "running": Tone("run", "loader", "Running", spin=True),
    "delivered": Tone("check", "download", "Delivered"),
    "accepted": Tone("good", "circle-check", "Accepted"),
    "wrong": Tone("bad", "triangle-alert", "Wrong result"),
    "failed": Tone("bad", "circle-x", "Failed"),
    "lost": Tone("warn", "unplug", "Lost"),
    "superseded": Tone("neutral", "history", "Superseded"),
}
SESSION = {
    "opening": Tone("info", "hourglass", "Opening"),
    "open": Tone("run", "lock-open", "Open"),
    "closing": Tone("check", "coins", "Closing"),
    "closed": Tone("good", "lock", "Closed"),
}
NODE = {
    "starting": Tone("info", "hourglass", "Starting"),
    "ready": Tone("good", "circle-check", "Ready"),
    "working": Tone("run", "activity", "Working"),
    "degraded": Tone("warn", "triangle-alert", "Degraded"),
    "stopping": Tone("warn", "circle-pause", "Stopping"),
}
LINK = {
    "connecting": Tone("neutral", "hourglass", "Connecting"),
    "down": Tone("bad", "unplug", "Not answering"),
    "refused": Tone("bad", "lock", "Token refused"),
}
PROVIDER = {
    "ready": Tone("good", "circle-check", "Ready"),
    "no offer": Tone("warn", "hourglass", "No offer"),
    "unreachable": Tone("bad", "unplug", "Unreachable"),
    "unregistered": Tone("warn", "badge-check", "Unregistered"),
    "refused": Tone("bad", "ban", "Refused"),
}
MATCH = {
    "yes": Tone("good", "circle-check", "Matches"),
    "no": Tone("neutral", "circle-x", "No match"),
}
RUNTIMES = {"wasm": "Wasm", "python": "Python", "native": "Linux"}
RUNTIME = {
    "yes": Tone("good", "circle-check", "Offered"),
    "no": Tone("neutral", "circle-x", "Not offered"),
}
ENDED = {  # how a run ended in the sandbox
    "ok": Tone("good", "circle-check", "Well"),
    "nonzero": Tone("bad", "circle-x", "With an exit code"),
    "trap": Tone("bad", "circle-x", "Trap"),
    "out_of_fuel": Tone("bad", "gauge", "Out of fuel"),
    "output_limit": Tone("bad", "file-text", "Too much output"),
    "bad_module": Tone("bad", "circle-x", "No module"),
    "timeout": Tone("warn", "timer", "Out of time"),
    "crashed": Tone("warn", "triangle-alert", "Crashed"),
    "refused": Tone("neutral", "ban", "Not run"),
}
PROPOSAL = {
    "pending": Tone("info", "hourglass", "Pending"),
    "active": Tone("run", "vote", "Voting"),
    "succeeded": Tone("good", "circle-check", "Won"),
    "queued": Tone("check", "clock", "In the timelock"),
    "executed": Tone("good", "circle-check", "Executed"),
    "defeated": Tone("bad", "circle-x", "Defeated"),
    "canceled": Tone("warn", "ban", "Cancelled"),
    "expired": Tone("warn", "history", "Expired"),
}
VOTE = {
    "for": Tone("good", "circle-check", "For"),
    "against": Tone("bad", "circle-x", "Against"),
    "abstain": Tone("info", "circle-dashed", "Abstain"),
}
CASE = {
    "open": Tone("check", "scale", "Before the court"),
    "guilty": Tone("bad", "gavel", "Slashed"),
    "acquitted": Tone("good", "circle-check", "Acquitted"),
    "lapsed": Tone("warn", "history", "No verdict in time"),
}
DEVICE = {  # what this machine does for others
    "offline": Tone("neutral", "unplug", "Off"),
    "blocked": Tone("warn", "circle-pause", "Not working"),
    "warming": Tone("info", "hourglass", "Warming up"),
    "idle": Tone("good", "circle-check", "Ready"),
    "benchmark": Tone("run", "gauge", "Measuring"),
    "claimed": Tone("run", "send", "Beginning"),
    "running": Tone("run", "activity", "Working"),
    "frozen": Tone("warn", "circle-pause", "Standing still"),
    "checkpointing": Tone("check", "download", "Saving"),
    "draining": Tone("info", "timer", "Finishing"),
    "vacating": Tone("warn", "arrow-up-from-line", "Handing back"),
    "quarantine": Tone("bad", "triangle-alert", "Quarantine"),
}
MEMBER = {  # a device of the fleet
    "offline": Tone("bad", "unplug", "Offline"),
    "ready": Tone("good", "circle-check", "Ready"),
    "resting": Tone("warn", "circle-pause", "Resting"),
    "paused": Tone("warn", "ban", "Paused"),
    "draining": Tone("info", "timer", "Draining"),
    "drained": Tone("neutral", "circle-dashed", "Drained"),
    "removed": Tone("bad", "circle-x", "Removed"),
}
VETO = {  # what a guard does while it forbids
    "throttle": Tone("info", "gauge", "Slows down"),
    "freeze": Tone("warn", "circle-pause", "Stands still"),
    "checkpoint": Tone("check", "download", "Saves"),
    "vacate": Tone("warn", "arrow-up-from-line", "Hands back"),
    "kill": Tone("bad", "ban", "Ends tasks"),
}

TASK_ORDER = ("done", "checking", "running", "sent", "failed", "cancelled", "queued")


def tone(table: dict[str, Tone], state: str) -> Tone:
    """A state this version does not know keeps its own word."""
    return table.get(state) or Tone(_UNKNOWN.name, _UNKNOWN.icon, state)
