// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CourtParameters} from "../../../../contracts/interfaces/IFogCourt.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

contract AuditRateTest is CourtTest {
    function clean() private {
        audited();
        vote(3, 0);
        close();
    }

    function test_RateFallsWithTheRecord() public {
        uint16[6] memory rates = [10_000, 10_000, 6666, 5000, 4000, 3333];
        for (uint32 i; i < 6; ++i) {
            vm.assertEq(court.cleared(provider), i);
            vm.assertEq(court.auditRate(provider), rates[i]);
            if (i == 5) break;
            // From the third on the lot may fall otherwise.
            delivered();
            pass(2);
            for (uint256 salt; !court.isDrawn(job, provider); ++salt) {
                vm.setBlockhash(block.number - 1, keccak256(abi.encode(salt)));
            }
            vm.prank(other);
            court.audit(t, d);
            vote(3, 0);
            close();
        }
    }

    function test_GuiltBeginsTheRecordAnew() public {
        clean();
        clean();
        vm.assertEq(court.cleared(provider), 2);
        challenged();
        vote(0, 3);
        close();
        vm.assertEq(court.cleared(provider), 0);
        vm.assertEq(court.auditRate(provider), 10_000);
    }

    function test_SilenceClearsNobody() public {
        audited();
        vm.warp(theCase().verdictBy);
        close();
        vm.assertEq(court.cleared(provider), 0);
    }

    function test_RateNeverFallsBelowTheLeast() public {
        CourtParameters memory p = courtParameters();
        (p.auditFactor, p.auditMinBps) = (0, 777);
        vm.prank(timelock);
        court.setParameters(p);
        vm.assertEq(court.auditRate(provider), 777);
        (p.auditFactor, p.auditMinBps) = (1, 2000);
        vm.prank(timelock);
        court.setParameters(p);
        vm.assertEq(court.auditRate(provider), 10_000);
    }
}
