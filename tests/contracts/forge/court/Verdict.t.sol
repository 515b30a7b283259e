// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CourtParameters} from "../../../../contracts/interfaces/IFogCourt.sol";
import {JobState} from "../../../../contracts/interfaces/IFogMarket.sol";
import {SUPPLY} from "../../../../contracts/libraries/ConstantsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

/// @notice Who pays and who is paid when a case is closed.
contract VerdictTest is CourtTest {
    function assertEarned(address[] memory members, uint256 from, uint256 to, uint256 amount) private view {
        for (uint256 i = from; i < to; ++i) {
            vm.assertEq(court.earned(members[i]), amount);
        }
    }

    function emptyPool() private {
        vm.prank(address(court));
        token.transfer(treasury, 100e18);
    }

    /* GUILTY */

    /// @dev I10, to the last unit. The buyer brought it himself: he has his price from the bond, his price and his bond
    /// back, and no finder's share.
    function test_GuiltyByChallenge() public {
        challenged();
        vm.assertEq(market.free(buyer), 80e18);
        address[] memory members = vote(0, 3);
        close();
        assertState(JobState.Slashed);
        vm.assertEq(market.free(buyer), 90e18); // the price is free again
        vm.assertEq(token.balanceOf(buyer), 920e18); // the bond, and the price from the provider's bond
        vm.assertEq(stake.bonded(provider), 49_600e18); // 40 times the price
        vm.assertEq(token.totalSupply(), SUPPLY - 390e18);
        vm.assertEq(market.free(provider), 0);
        assertEarned(members, 0, 3, PRICE);
        vm.assertEq(court.pool(), 70e18);
    }

    /// @dev The outsider who found it has a quarter of what the victim leaves.
    function test_GuiltyByAudit() public {
        audited();
        address[] memory members = vote(0, 3);
        close();
        vm.assertEq(market.free(buyer), 100e18);
        vm.assertEq(token.balanceOf(buyer), 910e18);
        vm.assertEq(token.balanceOf(other), 97.5e18);
        vm.assertEq(token.totalSupply(), SUPPLY - 292.5e18);
        vm.assertEq(stake.bonded(provider), 49_600e18);
        assertEarned(members, 0, 3, PRICE);
    }

    /// @dev It must not pay to set a bait, nor to find oneself.
    function test_PartiesAreNoFinders() public {
        address[2] memory parties = [buyer, provider];
        for (uint256 i; i < 2; ++i) {
            delivered();
            pass(2);
            vm.prank(parties[i]);
            court.audit(t, d);
            uint256 supply = token.totalSupply();
            vote(0, 3);
            close();
            vm.assertEq(token.totalSupply(), supply - 390e18);
            vm.assertEq(token.balanceOf(provider), 0);
            vm.assertEq(token.balanceOf(buyer), 910e18 + i * PRICE);
        }
    }

    function test_PayForGuiltIsAtMostHalfThePool() public {
        emptyPool();
        vm.prank(treasury);
        token.transfer(address(court), 8e18);
        audited();
        address[] memory members = draw();
        for (uint256 i; i < 3; ++i) {
            commit(members[i], OTHER, FUEL);
        }
        toReveals();
        for (uint256 i; i < 3; ++i) {
            reveal(members[i], OTHER, FUEL);
        }
        close();
        assertEarned(members, 0, 3, uint256(4e18) / 3);
        vm.assertEq(court.pool(), 8e18 - 3 * (uint256(4e18) / 3));
    }

    function test_EmptyPoolPaysNobodyAndHoldsNothingUp() public {
        emptyPool();
        audited();
        address[] memory members = vote(0, 3);
        close();
        assertState(JobState.Slashed);
        assertEarned(members, 0, 3, 0);
        vm.assertEq(court.pool(), 0);
    }

    function test_WhoSaidOtherwiseIsNotPaid() public {
        challenged();
        vote(1, 2);
        close();
        address[] memory members = vote(1, 4);
        close();
        assertState(JobState.Slashed);
        assertEarned(members, 0, 1, 0);
        assertEarned(members, 1, 5, PRICE);
        vm.assertEq(court.pool(), 60e18);
    }

    function test_BondSmallerThanTheSlashIsTakenWhole() public {
        challenged();
        unbond(provider, 49_700e18);
        vm.warp(block.timestamp + 1);
        vm.prank(address(market));
        stake.slash(provider, 49_995e18, treasury, 49_995e18, address(0));
        vote(0, 3);
        close();
        assertState(JobState.Slashed);
        vm.assertEq(stake.slashable(provider), 0);
        vm.assertEq(token.balanceOf(buyer), 915e18); // the five that were left, beside the bond
        vm.assertEq(token.totalSupply(), SUPPLY);
    }

    /// @dev I11: what left the bond between delivery and verdict answers too.
    function test_UnbondingDoesNotHelp() public {
        challenged();
        unbond(provider, 50_000e18);
        vote(0, 3);
        close();
        vm.assertEq(stake.slashable(provider), 49_600e18);
        vm.assertEq(token.balanceOf(buyer), 920e18);
    }

    function test_SlashIsThatOfTheCasesOpening() public {
        challenged();
        CourtParameters memory p = courtParameters();
        p.slashMultiple = 100;
        vm.prank(timelock);
        court.setParameters(p);
        vote(0, 3);
        close();
        vm.assertEq(stake.bonded(provider), 49_600e18);
    }

    /* ACQUITTED */

    /// @dev A challenge that fails costs its bond, which those share who worked for it.
    function test_ChallengeThatFails() public {
        challenged();
        address[] memory members = vote(2, 1);
        close();
        assertState(JobState.Settled);
        vm.assertEq(market.free(provider), net(4e18));
        vm.assertEq(market.free(buyer), 86e18);
        vm.assertEq(token.balanceOf(buyer), 900e18);
        assertEarned(members, 0, 2, 5e18);
        assertEarned(members, 2, 3, 0);
        vm.assertEq(court.pool(), 100e18);
        vm.assertEq(token.balanceOf(address(court)), 110e18);
        vm.assertEq(market.free(address(court)), 0);
        vm.assertEq(court.cleared(provider), 1);
    }

    function test_DustOfASharedBondGoesToThePool() public {
        challenged();
        vote(3, 0);
        close();
        vm.assertEq(court.pool(), 100e18 + 1);
    }

    /// @dev An audit that finds nothing earns each the job's fee.
    function test_CleanAudit() public {
        audited();
        address[] memory members = vote(3, 0);
        close();
        assertState(JobState.Settled);
        vm.assertEq(market.free(provider), net(4e18));
        vm.assertEq(market.free(buyer), 96e18);
        assertEarned(members, 0, 3, 0.1e18);
        vm.assertEq(court.pool(), 99.7e18);
        vm.assertEq(token.balanceOf(other), 0);
        vm.assertEq(stake.bonded(provider), 50_000e18);
    }

    /* END TO END */

    /// @dev Whatever is said, the court can pay all it owes, and no unit of the market's is created or lost.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_NothingIsCreatedOrLost(uint8[4] calldata votes, bool byBuyer, uint96 inPool) public {
        emptyPool();
        vm.prank(treasury);
        token.transfer(address(court), inPool % 1000e18);
        if (byBuyer) challenged();
        else audited();
        for (uint256 round; !theCase().closed; ++round) {
            uint256 size = 3 + 2 * round;
            uint256 yes = votes[round] % (size + 1);
            vote(yes, (votes[round] >> 4) % (size + 1 - yes));
            close();
            // Silent ones come back.
            for (uint256 i; i < AUDITORS; ++i) {
                enlist(auditor(i), 1);
            }
        }
        uint256 owed;
        for (uint256 i; i < AUDITORS; ++i) {
            owed += court.earned(auditor(i));
        }
        vm.assertEq(court.pool() + owed, token.balanceOf(address(court)));
        (uint96 fees,) = market.withheld(provider);
        uint256 held = uint256(market.free(buyer)) + market.free(provider) + fees;
        vm.assertEq(token.balanceOf(address(market)), held);
        for (uint256 i; i < AUDITORS; ++i) {
            if (court.earned(auditor(i)) == 0) continue;
            vm.prank(auditor(i));
            court.collect();
        }
        vm.assertEq(token.balanceOf(address(court)), court.pool());
    }
}
