// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogStake} from "../../../../contracts/FogStake.sol";
import {vm} from "../Vm.sol";
import {GovernorTest, Proposal} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

contract QuorumTest is GovernorTest {
    function test_ItIsFourPercentOfAllBonds() public view {
        vm.assertEq(governor.quorum(block.timestamp - 1), 2_000_000e18);
    }

    function test_ExactlyTheQuorumDecides() public {
        uint256 id = propose(anna, turning(7));
        toVoting(id);
        vote(carol, id, FOR);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Succeeded);
    }

    function test_LessDoesNot() public {
        uint256 id = propose(anna, turning(7));
        toVoting(id);
        vote(dora, id, FOR);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Defeated);
    }

    function test_AbstainingCountsForItAndDecidesNothing() public {
        uint256 id = propose(anna, turning(7));
        toVoting(id);
        vote(carol, id, ABSTAIN);
        vote(dora, id, FOR);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Succeeded);
    }

    function test_VotesAgainstDoNotCountForIt() public {
        uint256 id = propose(anna, turning(7));
        toVoting(id);
        vote(ben, id, AGAINST);
        vote(dora, id, FOR);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Defeated);
    }

    /// @dev While little is bonded, four percent of it would be a coup for the price of a lunch.
    function test_BelowTheFloorNothingIsDecided() public {
        stake = new FogStake(address(token), address(0x3A), address(0x7EA), 7 days);
        (timelock, governor) = deploy(guardian, production());
        bond(anna, 900_000e18);
        bond(ben, 99_999e18);
        vm.warp(block.timestamp + 1 hours);
        vm.assertEq(governor.quorum(block.timestamp - 1), 1_000_000e18);

        uint256 id = propose(anna, turning(7));
        bond(carol, 2e18);
        toVoting(id);
        vote(anna, id, FOR);
        vote(ben, id, FOR);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Defeated);
    }

    function test_TheFloorItselfDecides() public {
        stake = new FogStake(address(token), address(0x3A), address(0x7EA), 7 days);
        (timelock, governor) = deploy(guardian, production());
        bond(anna, 1_000_000e18);
        vm.warp(block.timestamp + 1 hours);
        assertState(pass(turning(7)), IGovernor.ProposalState.Succeeded);
    }

    /// @dev Bonds that come or go after the snapshot change nothing for a proposal.
    function test_ItIsThatOfTheSnapshot() public {
        uint256 id = propose(anna, turning(7));
        toVoting(id);
        bond(nobody, 400_000_000e18);
        vm.warp(block.timestamp + 1 hours);
        vote(carol, id, FOR);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Succeeded);
    }

    /// @dev Nor does a new fraction.
    function test_TheFractionIsThatOfTheSnapshot() public {
        Proposal memory p = calling(address(governor), abi.encodeCall(governor.updateQuorumNumerator, (1600)));
        uint256 before = block.timestamp;
        carryOut(p);
        vm.warp(block.timestamp + 1);
        vm.assertEq(governor.quorum(before), 2_000_000e18);
        vm.assertEq(governor.quorum(block.timestamp - 1), 8_000_000e18);
    }
}
