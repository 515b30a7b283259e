// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CourtParameters} from "../../../../contracts/interfaces/IFogCourt.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {bound, vm} from "../Vm.sol";

contract SetCourtParametersTest is BaseTest {
    function refused(CourtParameters memory p, bytes32 name, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, name, value));
        vm.prank(timelock);
        court.setParameters(p);
    }

    function testFuzz_WithinBoundsAllIsTaken(uint256[6] calldata seeds) public {
        CourtParameters memory p = CourtParameters({
            commitTime: uint24(bound(seeds[0], 2 minutes, 6 hours)),
            revealTime: uint24(bound(seeds[1], 2 minutes, 6 hours)),
            auditMinBps: uint16(bound(seeds[2], 100, 2000)),
            auditFactor: uint16(bound(seeds[3], 0, 10)),
            slashMultiple: uint16(bound(seeds[4], 1, 100)),
            seatBond: uint96(bound(seeds[5], 1e18, type(uint96).max))
        });
        vm.expectEmit(address(court));
        emit EventsLib.CourtParametersSet(
            p.commitTime, p.revealTime, p.auditMinBps, p.auditFactor, p.slashMultiple, p.seatBond
        );
        vm.prank(timelock);
        court.setParameters(p);
        vm.assertEq(keccak256(abi.encode(court.parameters())), keccak256(abi.encode(p)));
    }

    function test_OutOfBoundsIsRefused() public {
        CourtParameters memory p = courtParameters();
        for (uint256 i; i < 2; ++i) {
            p = courtParameters();
            p.commitTime = i == 0 ? 2 minutes - 1 : 6 hours + 1;
            refused(p, "commitTime", p.commitTime);
            p = courtParameters();
            p.revealTime = i == 0 ? 2 minutes - 1 : 6 hours + 1;
            refused(p, "revealTime", p.revealTime);
            p = courtParameters();
            p.auditMinBps = i == 0 ? 99 : 2001;
            refused(p, "auditMinBps", p.auditMinBps);
            p = courtParameters();
            p.slashMultiple = i == 0 ? 0 : 101;
            refused(p, "slashMultiple", p.slashMultiple);
        }
        p = courtParameters();
        p.auditFactor = 11;
        refused(p, "auditFactor", 11);
        p = courtParameters();
        p.seatBond = 1e18 - 1;
        refused(p, "seatBond", 1e18 - 1);
    }

    function testFuzz_OnlyTheTimelockMay(address by) public {
        vm.assume(by != timelock);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTimelock.selector, by));
        vm.prank(by);
        court.setParameters(courtParameters());
    }
}
