// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CourtParameters} from "../../../../contracts/interfaces/IFogCourt.sol";
import {Delivery, JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

contract AuditTest is CourtTest {
    function audit() private {
        vm.prank(other);
        court.audit(t, d);
    }

    function notDrawn() private view returns (bytes memory) {
        return abi.encodeWithSelector(ErrorsLib.NotDrawn.selector, job);
    }

    function test_WhoeverNoticesOpensTheCase() public {
        delivered();
        pass(2);
        vm.expectEmit(address(court));
        emit EventsLib.CaseOpened(job, other, provider, 0, uint40(block.timestamp + 2 hours));
        vm.expectEmit(address(market));
        emit EventsLib.JobChallenged(job, address(court), 0);
        audit();
        vm.assertEq(theCase().finder, other);
        vm.assertEq(theCase().bond, 0);
        vm.assertEq(market.free(address(court)), 0);
        assertState(JobState.Challenged);
    }

    /// @dev The hash that decides is of the block after the delivery: its provider could not know it.
    function test_NothingIsDrawnBeforeTheNextBlockIsOver() public {
        delivered();
        vm.assertFalse(court.isDrawn(job, provider));
        pass(1);
        vm.assertFalse(court.isDrawn(job, provider));
        vm.expectRevert(notDrawn());
        audit();
        pass(1);
        vm.assertTrue(court.isDrawn(job, provider));
    }

    function test_DrawIsKnownFor256Blocks() public {
        delivered();
        pass(257);
        vm.assertTrue(court.isDrawn(job, provider));
        pass(1);
        vm.assertFalse(court.isDrawn(job, provider));
        vm.expectRevert(notDrawn());
        audit();
    }

    function test_OnlyADeliveryIsAudited() public {
        t = terms();
        job = open(t);
        pass(2);
        vm.assertFalse(court.isDrawn(job, provider));
        vm.expectRevert(notDrawn());
        audit();
    }

    function test_CaseIsOpenedOnce() public {
        audited();
        vm.expectRevert(notDrawn());
        audit();
    }

    function test_AfterTheWindowIsTooLate() public {
        delivered();
        pass(2);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooLate.selector, block.timestamp));
        audit();
    }

    function test_AnotherDeliveryIsRefused() public {
        delivered();
        pass(2);
        d.fuel = FUEL + 1;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotDelivered.selector, job));
        audit();
    }

    /// @dev The lot decides by the hash alone, with the provider's rate: here of 200 clean audits, 2 %.
    function testFuzz_LotIsThatOfTheHash(bytes32 seed) public {
        vm.assume(seed != 0);
        CourtParameters memory p = courtParameters();
        (p.auditFactor, p.auditMinBps) = (0, 200);
        vm.prank(timelock);
        court.setParameters(p);
        delivered();
        pass(2);
        vm.setBlockhash(block.number - 1, seed);
        bool drawn = uint256(keccak256(abi.encode(seed, job))) % 10_000 < 200;
        vm.assertEq(court.isDrawn(job, provider) ? 1 : 0, drawn ? 1 : 0);
    }

    /// @dev Of 2,000 deliveries about 2 % are drawn: 40, and less than 20 or more than 60 with probability 2 in 1,000.
    function test_LotIsFair() public {
        CourtParameters memory p = courtParameters();
        p.auditFactor = 0;
        vm.prank(timelock);
        court.setParameters(p);
        delivered();
        pass(2);
        uint256 drawn;
        for (uint256 i; i < 2000; ++i) {
            vm.setBlockhash(block.number - 1, keccak256(abi.encode(i)));
            if (court.isDrawn(job, provider)) ++drawn;
        }
        vm.assertGe(drawn, 20, "drawn");
        vm.assertLe(drawn, 60, "drawn");
    }
}
