"""How a vote stands: for, against and abstaining as one bar, and how far it is to the quorum."""

from __future__ import annotations

from fogchain.api.commons import ProposalView
from ui import show
from ui.components.base import block, set_prop, text
from ui.tones import VOTE

ORDER = ("for", "abstain", "against")


def counts(proposal: ProposalView) -> dict[str, int]:
    return {"for": proposal.votes_for, "abstain": proposal.votes_abstain, "against": proposal.votes_against}


def parts(proposal: ProposalView) -> list[tuple[str, float]]:
    """(tone, per cent of what was voted), in the order they are drawn."""
    votes = counts(proposal)
    total = sum(votes.values())
    return [(VOTE[name].name, 100 * votes[name] / total) for name in ORDER if total and votes[name]]


def in_words(proposal: ProposalView) -> str:
    return ", ".join(f"{show.fog(votes).text} {VOTE[name].word.lower()}" for name, votes in counts(proposal).items())


class Tally:
    def __init__(self) -> None:
        self._bar, self._quorum = _Bar("How the votes stand"), None
        with block("fc-legend"):
            self._labels = {}
            for name in ORDER:
                with block("fc-key"):
                    block(f"sw c-{VOTE[name].name}", "span")
                    text(VOTE[name].word, tag="span")
                    self._labels[name] = text("–", tag="b")
        with block("fc-col").style("gap:8px"):
            with block("fc-row fc-between"):
                text("Quorum", "fc-dim fc-small")
                self._words = text("–", "fc-num fc-small")
            self._reached = _Bar("How far it is to the quorum")

    def set(self, proposal: ProposalView) -> None:
        self._bar.set(parts(proposal), in_words(proposal))
        for name, votes in counts(proposal).items():
            self._labels[name].set_text(show.fog(votes).text)
            set_prop(self._labels[name], "title", show.fog(votes).full)
        quorum, there = proposal.quorum, proposal.votes_for + proposal.votes_abstain
        if quorum is None:
            self._words.set_text("is counted when the vote begins")
            self._reached.set([], "not known yet")
            return
        words = f"{show.fog(there).text} of {show.fog(quorum).text}"
        self._words.set_text(words + (" · reached" if there >= quorum else ""))
        tone = "good" if there >= quorum else "info"
        self._reached.set([(tone, min(100.0, 100 * there / quorum) if quorum else 100.0)], words)


class _Bar:
    def __init__(self, label: str) -> None:
        self._label = label
        self._box = block("fc-bar big", role="img", aria_label=label)
        self._drawn: list[tuple[str, float]] | None = None

    def set(self, drawn: list[tuple[str, float]], words: str) -> None:
        set_prop(self._box, "aria-label", f"{self._label}: {words}")
        set_prop(self._box, "title", words)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._box.clear()
        with self._box:
            for tone, width in drawn:
                block(f"c-{tone}", "i").style(f"width:{width:.3f}%")
