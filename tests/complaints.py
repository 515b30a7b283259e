"""What users of such markets complained of, and the tests that show it can't happen here.

A Python test says so itself, by `@pytest.mark.complaint(row)`; those that are written in Solidity stand in ELSEWHERE.
`tests/unit/test_complaints.py` holds both to ROWS.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
FORGE = HERE / "contracts" / "forge"

Row = int | str

ROWS: dict[Row, str] = {
    1: "worked for hours, and the last invoice was never accepted",
    3: "one invoice, paid twice on the chain",
    4: "a gas spike: transactions stuck, then a gap in the nonces",
    6: "Ctrl-C leaves money reserved that nobody shows or gives back",
    8: "one silent provider stalls the whole job",
    9: "a node that failed gets the same task again and again",
    11: "nothing is heard, nor accepted, while a long task runs",
    13: "a newcomer needs a faucet that does not answer",
    14: "abandoned tasks block the network",
    15: "work beyond what was paid in runs free of charge",
    17: "an event is missing, and state hangs; input never comes, and the place stays taken",
    18: "a small provider's money is drained by open bids",
    19: "a provider's restart ends what it was working on",
    20: "the lease is gone at the provider and still billed",
    22: "capacity is listed, nobody bids, and nobody says why",
    24: "work is given to nodes that are gone, and nodes don't come back",
    25: "waits the whole timeout though it failed at once, or tries for ever",
    26: "where is my output; what a failed job printed is lost",
    29: "wrong results count as right; a broken host gets a thousand tasks",
    30: "claims: front-run by dust, paid short, stuck, expired",
    "sleeping job": "wall-clock time is credited as work",
    "notice": "a provider resets without a warning",
}

# In files of tests/contracts/forge.
ELSEWHERE: dict[Row, list[tuple[str, str]]] = {
    1: [("market/Finalize.t.sol", "testFuzz_SilencePaysByTimeAndFuel")],
    3: [
        ("market/Claim.t.sol", "test_SameVoucherTwiceIsRefused"),
        ("attack/SignatureTwin.t.sol", "test_Fix_TwoFormsOfAVoucherArePaidOnce"),
    ],
    6: [("market/CloseSession.t.sol", "testFuzz_AnyoneClosesFromTheExpiryOn")],
    14: [("market/Liveness.t.sol", "testFuzz_Session")],
    17: [("market/Cancel.t.sol", "testFuzz_ProviderUntilHalfwayToDue")],
    18: [("market/Open.t.sol", "test_WithoutABreachNoBondIsAskedFor")],
    30: [
        ("attack/ClaimFrontRun.t.sol", "testFuzz_Fix_OlderVoucherInFrontCostsNothing"),
        ("market/Claim.t.sol", "test_ExpiredButOpenSessionStillPays"),
        ("market/ClaimMany.t.sol", "test_OneThatCannotBeClaimedStopsNoOther"),
    ],
}


@cache
def marked() -> dict[Row, list[str]]:
    """By row, the tests that are marked with it, as `file::test`."""
    found: dict[Row, list[str]] = {}
    for path in sorted(HERE.rglob("test_*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if "mark.complaint" in text else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                for row in _rows(node.decorator_list):
                    found.setdefault(row, []).append(f"{path.relative_to(HERE)}::{node.name}")
    return found


def _rows(decorators: list[ast.expr]) -> Iterator[Row]:
    for each in decorators:
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.complaint":
            for argument in each.args:
                yield ast.literal_eval(argument)


def has_function(file: Path, name: str) -> bool:
    """Whether a Solidity file has a test of that name; one that ends in `_` stands for any that begins so."""
    end = "" if name.endswith("_") else r"\("
    return file.exists() and re.search(rf"function {re.escape(name)}{end}", file.read_text()) is not None
