// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogStake} from "../../../../contracts/FogStake.sol";
import {vm} from "../Vm.sol";
import {GovernorTest, Proposal} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

contract ProposeTest is GovernorTest {
    function expectTooFew(address proposer, uint256 votes, uint256 threshold) private {
        vm.expectRevert(
            abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, proposer, votes, threshold)
        );
    }

    function test_ItWaitsADayAndIsVotedFiveDays() public {
        uint256 id = propose(anna, turning(7));
        assertState(id, IGovernor.ProposalState.Pending);
        vm.assertEq(governor.proposalSnapshot(id), block.timestamp + 1 days);
        vm.assertEq(governor.proposalDeadline(id), block.timestamp + 6 days);
        vm.assertEq(governor.proposalProposer(id), anna);
    }

    function test_TheEventSaysAllThatIsNeededToExecute() public {
        Proposal memory p = turning(7);
        vm.expectEmit(address(governor));
        emit IGovernor.ProposalCreated(
            idOf(p),
            anna,
            p.targets,
            p.values,
            new string[](1),
            p.calldatas,
            block.timestamp + 1 days,
            block.timestamp + 6 days,
            p.description
        );
        propose(anna, p);
    }

    function test_ItTakesHalfAPercentOfAllBonds() public {
        vm.assertEq(governor.proposalThreshold(), 250_000e18);
        Proposal memory p = turning(7);
        expectTooFew(dora, 249_999e18, 250_000e18);
        propose(dora, p);

        // One more from anna, so that all is still 50,000,000.
        vm.prank(anna);
        stake.unbond(1e18);
        bond(dora, 1e18);
        vm.warp(block.timestamp + 1 hours);
        assertState(propose(dora, p), IGovernor.ProposalState.Pending);
    }

    function test_WhoeverHasNoVoteDoesNotPropose() public {
        stake = new FogStake(address(token), address(0x3A), address(0x7EA), 7 days);
        (timelock, governor) = deploy(guardian, production());
        vm.warp(block.timestamp + 1 hours);
        vm.assertEq(governor.proposalThreshold(), 1);
        expectTooFew(nobody, 0, 1);
        propose(nobody, turning(7));
    }

    function test_BondedInTheSameBlockDoesNotCount() public {
        bond(nobody, 10_000_000e18);
        Proposal memory p = turning(7);
        expectTooFew(nobody, 0, 250_000e18);
        propose(nobody, p);
    }

    function test_DelegatedVotesCount() public {
        vm.prank(ben);
        stake.delegate(nobody);
        vm.warp(block.timestamp + 1);
        assertState(propose(nobody, turning(7)), IGovernor.ProposalState.Pending);
    }

    function test_TheSameTwiceIsRefused() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernor.GovernorUnexpectedProposalState.selector, id, IGovernor.ProposalState.Pending, bytes32(0)
            )
        );
        propose(ben, p);
    }

    /// @dev Else anyone who sees it coming could make it his own, and cancel it.
    function test_ADescriptionThatNamesItsProposerIsHisAlone() public {
        Proposal memory p = turning(7);
        p.description = string.concat("Because #proposer=", Strings.toHexString(anna));
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorRestrictedProposer.selector, ben));
        propose(ben, p);
        assertState(propose(anna, p), IGovernor.ProposalState.Pending);
    }

    function test_NoCallsIsRefused() public {
        Proposal memory p;
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidProposalLength.selector, 0, 0, 0));
        propose(anna, p);
    }
}
