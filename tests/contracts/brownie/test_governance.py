"""In Brownie's environment: a proposal from its first word to the parameter it changes."""

import pytest
from brownie import accounts, web3

from scripts import deploy, governance

FOG = 10**18


@pytest.fixture(scope="module", autouse=True)
def voters(tmp_path_factory):
    """The deployer's bond is all there is, and votes for itself."""
    folder = tmp_path_factory.mktemp("deployments")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOGCHAIN_DEPLOYMENTS", str(folder))
        deploy.main()
        token, stake = governance.contract("token"), governance.contract("stake")
        token.approve(stake, 10**6 * FOG, {"from": accounts[0]})
        stake.bond(10**6 * FOG, {"from": accounts[0]})
        governance.delegate(accounts[0].address)
        pass_time(10)
        yield


@pytest.fixture(scope="module")
def proposal(voters):
    return str(governance.propose("Calmer prices\n\nSmaller steps.", "pricing.setControl(1000, 6500)"))


def test_a_proposal_is_listed_and_shown_with_its_calls(proposal, capsys):
    governance.list()
    assert f"{proposal[:12]}  pending    Calmer prices" in capsys.readouterr().out
    governance.show(proposal[:12])
    shown = capsys.readouterr().out
    assert "pricing.setControl(1000, 6500)" in shown and "Smaller steps." in shown and proposal in shown


def test_it_is_voted_for_queued_and_executed(proposal, capsys):
    pricing, governor = governance.contract("pricing"), governance.contract("governor")
    pass_time(governor.votingDelay() + 1)
    governance.vote(proposal, "for", "calm is good")
    governance.show(proposal)
    assert "1000000 FOG for, 0 FOG against" in capsys.readouterr().out
    pass_time(governor.votingPeriod() + 1)
    governance.queue(proposal)
    pass_time(governance.contract("timelock").getMinDelay() + 1)
    governance.execute(proposal)
    assert (pricing.stepCap(), pricing.targetUse()) == (1000, 6500)
    governance.list()
    assert "executed" in capsys.readouterr().out


def test_a_proposal_can_be_cancelled(capsys):
    number = governance.propose("A mistake", "market.setPricing(pricing)")
    governance.cancel(number)
    governance.show(number)
    assert "cancelled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("pricing.setControl(1000", "setControl"),
        ("nobody.setControl(1, 2)", "no contract 'nobody'"),
        ("pricing.explode()", "no function 'explode'"),
        ("pricing.setControl(1)", "setControl"),
        ("pricing.setControl(1, -2)", "setControl"),
        ("market.setPricing(nobody)", "no contract 'nobody'"),
        ("__import__('os')", "contract.function"),
    ],
)
def test_what_is_no_call_is_refused_before_anything_is_sent(call, what):
    nonce = accounts[0].nonce
    with pytest.raises(SystemExit, match=what):
        governance.propose("Nonsense", call)
    assert accounts[0].nonce == nonce


def pass_time(seconds):
    web3.provider.make_request("evm_increaseTime", [seconds])
    web3.provider.make_request("evm_mine", [])
