// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogStake} from "../../../../contracts/FogStake.sol";
import {FogToken} from "../../../../contracts/FogToken.sol";
import {vm} from "../Vm.sol";
import {GovernorTest, Proposal} from "../governor/GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice Counts what a voter has at the moment.
contract BalanceVotes {
    FogToken private immutable token;
    uint256 public inFavour;

    constructor(FogToken token_) {
        token = token_;
    }

    function vote() external {
        inFavour += token.balanceOf(msg.sender);
    }
}

/// @notice Lends all it has, for a call.
contract FlashLender {
    FogToken private immutable token;

    constructor(FogToken token_) {
        token = token_;
    }

    function lend(uint256 amount, FlashVoter to, bytes calldata data) external {
        uint256 had = token.balanceOf(address(this));
        token.transfer(address(to), amount);
        to.onLoan(data);
        require(token.balanceOf(address(this)) >= had, "not repaid");
    }
}

/// @notice Does something with a loan, and gives it back as far as it has it.
contract FlashVoter {
    FogToken private immutable token;
    address[] private targets;
    bytes[] private calls;

    constructor(FogToken token_) {
        token = token_;
    }

    function plan(address target, bytes calldata data) external {
        targets.push(target);
        calls.push(data);
    }

    function onLoan(bytes calldata) external {
        for (uint256 i; i < calls.length; ++i) {
            (bool ok, bytes memory reason) = targets[i].call(calls[i]);
            if (!ok) {
                assembly ("memory-safe") {
                    revert(add(reason, 0x20), mload(reason))
                }
            }
        }
        token.transfer(msg.sender, token.balanceOf(address(this)));
    }
}

/// @notice Whoever borrows most of all tokens for a transaction decides what he likes.
contract FlashLoanVotesTest is GovernorTest {
    uint96 private constant LOAN = 500_000_000e18;

    FlashLender private lender;
    FlashVoter private thief;

    function setUp() public override {
        super.setUp();
        lender = new FlashLender(token);
        thief = new FlashVoter(token);
        vm.prank(holder);
        token.transfer(address(lender), LOAN);
    }

    function test_Proof_BalancesVoteOnALoan() public {
        BalanceVotes naive = new BalanceVotes(token);
        thief.plan(address(naive), abi.encodeCall(naive.vote, ()));
        lender.lend(LOAN, thief, "");
        vm.assertEq(naive.inFavour(), LOAN);
        vm.assertEq(token.balanceOf(address(lender)), LOAN);
    }

    /// @dev Only bonds vote, and a bond does not leave within the transaction: the loan can't be repaid.
    function test_Fix_LoanThatIsBondedCantBeRepaid() public {
        thief.plan(address(token), abi.encodeCall(token.approve, (address(stake), LOAN)));
        thief.plan(address(stake), abi.encodeCall(stake.bond, (LOAN)));
        thief.plan(address(stake), abi.encodeCall(stake.unbond, (LOAN)));
        vm.expectRevert(bytes("not repaid"));
        lender.lend(LOAN, thief, "");
        thief.plan(address(stake), abi.encodeCall(stake.withdraw, ()));
        vm.expectRevert();
        lender.lend(LOAN, thief, "");
    }

    /// @dev And had he the tokens for good: a bond of this block has no vote on what is being voted on, and proposes
    /// nothing.
    function test_Fix_BondOfThisBlockHasNoVoteYet() public {
        uint256 id = propose(anna, turning(7));
        toVoting(id);
        address rich = address(0x41C4);
        vm.prank(address(lender));
        token.transfer(rich, LOAN);
        vm.startPrank(rich);
        token.approve(address(stake), LOAN);
        stake.bond(LOAN);
        stake.delegate(rich);
        governor.castVote(id, FOR);
        vm.stopPrank();
        vm.assertEq(stake.getVotes(rich), LOAN);
        (uint256 against, uint256 inFavour, uint256 abstained) = governor.proposalVotes(id);
        vm.assertEq(against + inFavour + abstained, 0);

        Proposal memory p = turning(8);
        vm.expectRevert();
        propose(rich, p);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Defeated);
    }
}
