// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {GovernorTest, Proposal} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice From vote to effect, and every other way a proposal ends.
contract StateTest is GovernorTest {
    function test_FromProposalToEffect() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        assertState(id, IGovernor.ProposalState.Pending);
        toVoting(id);
        assertState(id, IGovernor.ProposalState.Active);
        vote(anna, id, FOR);
        vote(ben, id, AGAINST);
        vm.warp(governor.proposalDeadline(id));
        assertState(id, IGovernor.ProposalState.Active);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Succeeded);
        queue(p);
        assertState(id, IGovernor.ProposalState.Queued);
        vm.assertEq(dial.position(), 0);
        toEta(id);
        execute(p);
        assertState(id, IGovernor.ProposalState.Executed);
        vm.assertEq(dial.position(), 7);
    }

    function test_AMajorityAgainstDefeats() public {
        uint256 id = propose(anna, turning(7));
        toVoting(id);
        vote(ben, id, AGAINST);
        vote(carol, id, FOR);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Defeated);
    }

    function test_ATieDefeats() public {
        bond(nobody, 2_500_000e18);
        uint256 id = propose(anna, turning(7));
        toVoting(id);
        vote(ben, id, FOR);
        vote(nobody, id, AGAINST);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Defeated);
    }

    function test_SilenceDefeats() public {
        uint256 id = propose(anna, turning(7));
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Defeated);
    }

    function test_WhatNobodyQueuesExpires() public {
        Proposal memory p = turning(7);
        uint256 id = pass(p);
        uint256 end = governor.proposalDeadline(id) + 14 days;
        vm.warp(end - 1);
        assertState(id, IGovernor.ProposalState.Succeeded);
        vm.warp(end);
        assertState(id, IGovernor.ProposalState.Expired);
        expectUnexpectedState(id, IGovernor.ProposalState.Expired, IGovernor.ProposalState.Succeeded);
        queue(p);
    }

    function test_WhatNobodyExecutesExpires() public {
        Proposal memory p = turning(7);
        uint256 id = pass(p);
        queue(p);
        uint256 end = governor.proposalEta(id) + 14 days;
        vm.warp(end - 1);
        assertState(id, IGovernor.ProposalState.Queued);
        vm.warp(end);
        assertState(id, IGovernor.ProposalState.Expired);
        expectUnexpectedState(id, IGovernor.ProposalState.Expired, IGovernor.ProposalState.Queued);
        execute(p);
        vm.assertEq(dial.position(), 0);
    }

    function test_ExecutedStaysExecuted() public {
        uint256 id = carryOut(turning(7));
        vm.warp(block.timestamp + 365 days);
        assertState(id, IGovernor.ProposalState.Executed);
    }
}
