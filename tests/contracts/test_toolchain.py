"""The contract toolchain as contributors and forge use it: the compiler stand-in, the export, the import rules."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fogchain.market.messages import Acceptance, Bid, Replica, Terms, Voucher, Work
from fogchain.wallet.eip712 import type_string

ROOT = Path(__file__).resolve().parents[2]
SOURCE = (
    "// SPDX-License-Identifier: MIT\npragma solidity 0.8.37;\ncontract Answer { uint256 public constant it = 42; }\n"
)


def solc(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "solc", *arguments], input=stdin, capture_output=True, text=True, timeout=60
    )


def standard_json(source: str) -> str:
    selection = {"*": {"*": ["abi", "evm.bytecode.object"]}}
    return json.dumps(
        {
            "language": "Solidity",
            "sources": {"Answer.sol": {"content": source}},
            "settings": {"outputSelection": selection},
        }
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the toolchain reads, to be broken at will."""
    for name in ("contracts", "scripts", "fogchain", "node", "ui"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("foundry.toml", "pyproject.toml", "package.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return tmp_path


def test_solc_names_the_pinned_version() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["solc"]
    assert re.search(rf"^Version: {re.escape(pinned)}\+", solc("--version").stdout, re.MULTILINE)


def test_solc_compiles_standard_json_from_stdin() -> None:
    output = json.loads(solc("--standard-json", stdin=standard_json(SOURCE)).stdout)
    contract = output["contracts"]["Answer.sol"]["Answer"]
    assert [item["name"] for item in contract["abi"]] == ["it"]
    assert len(contract["evm"]["bytecode"]["object"]) > 100


def test_solc_compiles_files(tmp_path: Path) -> None:
    file = tmp_path / "Answer.sol"
    file.write_text(SOURCE)
    done = solc("--bin", "--optimize", str(file))
    assert done.returncode == 0
    assert re.search(r"Binary:\n[0-9a-f]{100,}\n", done.stdout)


def test_solc_reports_a_bad_file(tmp_path: Path) -> None:
    file = tmp_path / "Answer.sol"
    file.write_text(SOURCE.replace("42", "nonsense"))
    done = solc("--bin", str(file))
    assert done.returncode == 1
    assert "Undeclared identifier" in done.stderr


def test_solc_refuses_what_is_not_json() -> None:
    done = solc("--standard-json", stdin="nonsense")
    assert done.returncode == 1
    assert "not JSON" in done.stderr


@pytest.mark.slow
def test_export_notices_a_changed_contract(project: Path) -> None:
    check = [project / "scripts" / "export_artifacts.py", "--check"]
    assert subprocess.run(check, capture_output=True, text=True, timeout=120).returncode == 0

    registry = project / "contracts" / "FogRegistry.sol"
    registry.write_text(registry.read_text().replace("nodeSignature.length != 64", "nodeSignature.length < 64"))
    stale = subprocess.run(check, capture_output=True, text=True, timeout=120)
    assert stale.returncode == 1
    assert "out of date: FogRegistry;" in stale.stderr

    subprocess.run(check[:1], check=True, capture_output=True, timeout=120)
    assert subprocess.run(check, capture_output=True, timeout=120).returncode == 0
    exported = (project / "fogchain" / "chain" / "artifacts" / "FogRegistry.json").read_text()
    assert exported != (ROOT / "fogchain" / "chain" / "artifacts" / "FogRegistry.json").read_text()


def coverage(report: Path, reached: int) -> subprocess.CompletedProcess[str]:
    """The verdict on a contract of 100 lines, of which the first `reached` were run, and a test that does not count."""
    lines = "".join(f"DA:{n},{int(n <= reached)}\n" for n in range(1, 101))
    ours = f"SF:contracts/Answer.sol\n{lines}BRDA:7,0,0,3\nBRDA:7,0,1,1\nend_of_record\n"
    report.write_text(f"TN:\n{ours}TN:\nSF:tests/Answer.t.sol\nDA:1,0\nBRDA:1,0,0,-\nend_of_record\n")
    return subprocess.run(
        [ROOT / "scripts" / "coverage.py", report], capture_output=True, text=True, timeout=60, check=False
    )


def test_coverage_names_what_no_test_reaches(tmp_path: Path) -> None:
    enough = coverage(tmp_path / "lcov.info", 98)
    assert enough.returncode == 0
    assert re.search(r"^contracts/Answer.sol +98.0 +100.0 +99 100$", enough.stdout, re.MULTILINE)
    assert "Answer.t.sol" not in enough.stdout
    too_little = coverage(tmp_path / "lcov.info", 97)
    assert too_little.returncode == 1
    assert "below 98 % of lines" in too_little.stderr


FORBIDDEN = [
    ("fogchain.batch", "asyncio"),
    ("fogchain.market", "time"),
    ("fogchain.jobs.machine", "sqlalchemy"),
    ("fogchain.units", "node"),
    ("ui", "fogchain.chain"),
    ("ui.pages", "node.api"),
    ("node", "ui"),
    ("node.executor", "node.p2p.limits"),
    ("node.trade", "trio"),
]


def test_import_rules_bite(project: Path) -> None:
    for importer, imported in FORBIDDEN:
        path = project / importer.replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        file.write_text(f"{file.read_text()}\nimport {imported}\n")
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "lint-imports", "--no-cache"], cwd=project, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    for importer, imported in FORBIDDEN:
        assert f"{importer} -> {imported} (l." in done.stdout


@pytest.mark.parametrize("message", [Terms, Work, Acceptance, Replica, Voucher, Bid])
def test_contract_and_package_sign_the_same(message: type) -> None:
    constants = (ROOT / "contracts" / "libraries" / "ConstantsLib.sol").read_text()
    found = re.search(rf"{message.__name__.upper()}_TYPEHASH\s*=\s*keccak256\((.*?)\);", constants, re.DOTALL)
    assert found is not None
    assert "".join(re.findall(r'"([^"]*)"', found[1])) == type_string(message)


def gas(tmp_path: Path, before: int, after: int | None) -> subprocess.CompletedProcess[str]:
    for name, cost in (("committed", before), ("fresh", after)):
        (tmp_path / name).mkdir(exist_ok=True)
        figures = {} if cost is None else {"claim": str(cost)}
        (tmp_path / name / "GasTest.json").write_text(json.dumps(figures))
    command = [ROOT / "scripts" / "gas.py", tmp_path / "committed", tmp_path / "fresh"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_gas_may_grow_by_two_percent_and_no_more(tmp_path: Path) -> None:
    assert gas(tmp_path, 10_000, 10_200).returncode == 0
    assert gas(tmp_path, 10_000, 9_000).returncode == 0
    grown = gas(tmp_path, 10_000, 10_201)
    assert grown.returncode == 1
    assert "claim took 10,000 gas, and takes 10,201" in grown.stderr
    assert "measured no more" in gas(tmp_path, 10_000, None).stderr
