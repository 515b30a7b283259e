// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogGovernor} from "../../../../contracts/FogGovernor.sol";
import {FogTimelock} from "../../../../contracts/FogTimelock.sol";
import {Profile} from "../../../../contracts/interfaces/IFogGovernor.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {GovernorTest} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";

contract GovernorConstructorTest is GovernorTest {
    function test_ItIsWhatTheProfileSays() public view {
        vm.assertEq(governor.votingDelay(), 1 days);
        vm.assertEq(governor.votingPeriod(), 5 days);
        vm.assertEq(governor.lateQuorumVoteExtension(), 1 days);
        vm.assertEq(governor.proposalThresholdBps(), 50);
        vm.assertEq(governor.quorumNumerator(), 400);
        vm.assertEq(keccak256(abi.encode(governor.profile())), keccak256(abi.encode(production())));
        vm.assertEq(governor.timelock(), address(timelock));
        vm.assertEq(address(governor.token()), address(stake));
        vm.assertEq(governor.guardian(), guardian);
        vm.assertEq(governor.guardianUntil(), block.timestamp - 1 hours + 365 days);
    }

    function test_ItReportsWhatOpenZeppelinDoesNot() public {
        vm.expectEmit(vm.computeCreateAddress(address(this), vm.getNonce(address(this))));
        emit EventsLib.GovernorDeployed(guardian, uint40(block.timestamp + 365 days), 1_000_000e18);
        new FogGovernor(stake, timelock, guardian, production());
    }

    function test_ItsClockIsThatOfTheBonds() public view {
        vm.assertEq(governor.clock(), stake.clock());
        vm.assertEq(keccak256(bytes(governor.CLOCK_MODE())), keccak256(bytes(stake.CLOCK_MODE())));
    }

    function test_ATestProfileInSecondsIsPossible() public {
        (, FogGovernor quick) = deploy(
            address(0),
            Profile({
                votingDelay: 1, votingPeriod: 20, lateExtension: 5, thresholdBps: 50, quorumBps: 400, quorumFloor: 1
            })
        );
        vm.assertEq(quick.votingPeriod(), 20);
    }

    function refused(bytes32 name, uint256 value, Profile memory profile) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, name, value));
        new FogGovernor(stake, timelock, guardian, profile);
    }

    function test_NothingIsZero() public {
        Profile memory p = production();
        p.votingDelay = 0;
        refused("votingDelay", 0, p);
        p = production();
        p.lateExtension = 0;
        refused("lateExtension", 0, p);
        p = production();
        p.thresholdBps = 0;
        refused("thresholdBps", 0, p);
        p = production();
        p.quorumBps = 0;
        refused("quorumBps", 0, p);
        p = production();
        p.quorumFloor = 0;
        refused("quorumFloor", 0, p);
        p = production();
        (p.votingPeriod, p.lateExtension) = (0, 0);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidVotingPeriod.selector, 0));
        new FogGovernor(stake, timelock, guardian, p);
    }

    function test_NothingIsBeyondReason() public {
        Profile memory p = production();
        p.votingDelay = 30 days + 1;
        refused("votingDelay", 30 days + 1, p);
        p = production();
        p.votingPeriod = 30 days + 1;
        refused("votingPeriod", 30 days + 1, p);
        p = production();
        p.lateExtension = 30 hours + 1;
        refused("lateExtension", 30 hours + 1, p);
        p = production();
        p.thresholdBps = 401;
        refused("thresholdBps", 401, p);
        p = production();
        p.quorumBps = 2501;
        refused("quorumBps", 2501, p);
        p = production();
        p.quorumFloor = 1_000_000_001e18;
        refused("quorumFloor", 1_000_000_001e18, p);
    }

    function test_NoStakeOrTimelockIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogGovernor(IERC5805(address(0)), timelock, guardian, production());
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogGovernor(stake, TimelockController(payable(0)), guardian, production());
    }
}
