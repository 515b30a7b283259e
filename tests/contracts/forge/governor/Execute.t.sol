// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {vm} from "../Vm.sol";
import {Dial} from "../mocks/Dial.sol";
import {GovernorTest, Proposal} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

contract ExecuteTest is GovernorTest {
    function test_AnyoneExecutesWhatIsDue() public {
        Proposal memory p = turning(7);
        uint256 id = pass(p);
        queue(p);
        toEta(id);
        vm.expectEmit(address(governor));
        emit IGovernor.ProposalExecuted(id);
        vm.prank(nobody);
        governor.execute(p.targets, p.values, p.calldatas, keccak256("Because"));
        vm.assertEq(dial.position(), 7);
    }

    function test_BeforeTheDelayIsTooEarly() public {
        Proposal memory p = turning(7);
        uint256 id = pass(p);
        queue(p);
        vm.warp(governor.proposalEta(id) - 1);
        vm.expectRevert();
        execute(p);
        vm.assertEq(dial.position(), 0);
    }

    function test_UnqueuedIsRefused() public {
        Proposal memory p = turning(7);
        uint256 id = pass(p);
        expectUnexpectedState(id, IGovernor.ProposalState.Succeeded, IGovernor.ProposalState.Queued);
        execute(p);
    }

    function test_TwiceIsRefused() public {
        Proposal memory p = turning(7);
        uint256 id = carryOut(p);
        expectUnexpectedState(id, IGovernor.ProposalState.Executed, IGovernor.ProposalState.Queued);
        execute(p);
    }

    function test_NobodyDoesWithoutAVoteWhatTakesOne() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTimelock.selector, anna));
        vm.prank(anna);
        dial.turn(7);
    }

    /// @dev The contract's own bounds are above any vote.
    function test_AVoteBeyondTheBoundsOfTheCodeDoesNothing() public {
        Proposal memory p = turning(101);
        uint256 id = pass(p);
        queue(p);
        toEta(id);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("position"), 101));
        execute(p);
        assertState(id, IGovernor.ProposalState.Queued);
    }

    function test_SeveralCallsHappenTogetherOrNotAtAll() public {
        Proposal memory p;
        p.targets = new address[](2);
        p.values = new uint256[](2);
        p.calldatas = new bytes[](2);
        (p.targets[0], p.targets[1]) = (address(dial), address(dial));
        (p.calldatas[0], p.calldatas[1]) = (abi.encodeCall(Dial.turn, (7)), abi.encodeCall(Dial.turn, (101)));
        uint256 id = pass(p);
        queue(p);
        toEta(id);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("position"), 101));
        execute(p);
        vm.assertEq(dial.position(), 0);
    }

    function test_TheTreasuryIsSpentByVote() public {
        give(address(timelock), 100e18);
        carryOut(calling(address(token), abi.encodeCall(IERC20.transfer, (nobody, 40e18))));
        vm.assertEq(token.balanceOf(nobody), 40e18);
        vm.assertEq(token.balanceOf(address(timelock)), 60e18);
    }

    function test_WhatIsDueCanBeExecutedOnTheTimelockItself() public {
        Proposal memory p = turning(7);
        uint256 id = pass(p);
        queue(p);
        toEta(id);
        bytes32 salt = bytes20(address(governor)) ^ keccak256("Because");
        timelock.executeBatch(p.targets, p.values, p.calldatas, 0, salt);
        vm.assertEq(dial.position(), 7);
        assertState(id, IGovernor.ProposalState.Executed);
    }
}
