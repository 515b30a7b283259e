// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {GovernorTest, Proposal} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

contract QueueTest is GovernorTest {
    function test_AnyoneQueuesWhatSucceeded() public {
        Proposal memory p = turning(7);
        uint256 id = pass(p);
        vm.prank(nobody);
        governor.queue(p.targets, p.values, p.calldatas, keccak256("Because"));
        assertState(id, IGovernor.ProposalState.Queued);
        vm.assertEq(governor.proposalEta(id), block.timestamp + 2 days);
        vm.assertTrue(governor.proposalNeedsQueuing(id));
    }

    function test_WhatIsBeingVotedIsNot() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        toVoting(id);
        vote(anna, id, FOR);
        expectUnexpectedState(id, IGovernor.ProposalState.Active, IGovernor.ProposalState.Succeeded);
        queue(p);
    }

    function test_WhatWasDefeatedIsNot() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        toEnd(id);
        expectUnexpectedState(id, IGovernor.ProposalState.Defeated, IGovernor.ProposalState.Succeeded);
        queue(p);
    }

    function test_TwiceIsRefused() public {
        Proposal memory p = turning(7);
        uint256 id = pass(p);
        queue(p);
        expectUnexpectedState(id, IGovernor.ProposalState.Queued, IGovernor.ProposalState.Succeeded);
        queue(p);
    }
}
