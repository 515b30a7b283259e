// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {CourtTest} from "../court/CourtTest.sol";

/// @notice A dispute that costs who opens it nothing, and holds back the other's pay.
contract FreeDisputes {
    uint256 public immutable price;
    uint256 public paidAt;
    uint256 private until;

    constructor(uint256 price_) {
        price = price_;
    }

    function dispute() external {
        until = block.timestamp + 3 days;
    }

    function finalize() external {
        require(block.timestamp >= until, "disputed");
        paidAt = block.timestamp;
    }
}

/// @notice Whoever disputes everything holds up every payment.
contract GriefingChallengeTest is CourtTest {
    function test_Proof_DisputesAreFreeAndForEver() public {
        FreeDisputes naive = new FreeDisputes(PRICE);
        for (uint256 i; i < 10; ++i) {
            naive.dispute();
            vm.warp(block.timestamp + 3 days - 1);
            vm.expectRevert();
            naive.finalize();
        }
    }

    /// @dev A challenge costs a bond of the price, which goes to those who had to judge; and there is one.
    function test_Fix_ChallengeThatFailsCostsThePrice() public {
        uint96 had = market.free(buyer);
        challenged();
        uint256 begun = block.timestamp;
        vote(3, 0);
        close();
        uint96 pay = 4e18; // 4 Gfuel at 1 FOG
        vm.assertEq(had - market.free(buyer), pay + PRICE);
        vm.assertEq(market.free(provider), net(pay));
        uint256 earned;
        for (uint256 i; i < 3; ++i) {
            earned += court.earned(committee()[i]);
        }
        vm.assertEq(earned, PRICE - PRICE % 3);
        vm.assertLe(block.timestamp - begun, 20 minutes, "the provider waited longer than a round");
        vm.expectRevert();
        challenge();
    }
}
