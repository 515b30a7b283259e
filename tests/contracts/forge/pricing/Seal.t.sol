// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {vm} from "../Vm.sol";
import {PricingTest} from "./PricingTest.sol";

/// @notice seal and cancelBids.
contract SealTest is PricingTest {
    function test_SeedIsOfTheFirstBlockThatSealsIt() public {
        uint40 r = round();
        endRound();
        vm.prevrandao(keccak256("beacon"));
        pricing.seal(r);
        bytes32 seed = pricing.seed(r);
        vm.assertEq(seed, keccak256(abi.encode(blockhash(block.number - 1), keccak256("beacon"), r)));

        vm.roll(block.number + 1);
        vm.prevrandao(keccak256("another"));
        pricing.seal(r);
        vm.assertEq(pricing.seed(r), seed);
    }

    function testFuzz_RunningRoundIsNotSealed(uint40 ahead) public {
        uint40 r = round();
        uint40 running = ahead > type(uint40).max - r ? type(uint40).max : r + ahead;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotInTime.selector, running));
        pricing.seal(running);
    }

    function test_BidsAreCancelledUntilTheRoundEnds() public {
        uint40 r = round();
        vm.warp((uint256(r) + 1) * 600 - 1);
        vm.prank(buyer);
        pricing.cancelBids(r);
        vm.assertTrue(pricing.cancelled(buyer, r));
        vm.assertFalse(pricing.cancelled(buyer, r + 1));
        vm.assertFalse(pricing.cancelled(other, r));

        vm.warp((uint256(r) + 1) * 600);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.RoundOver.selector, r));
        vm.prank(other);
        pricing.cancelBids(r);
    }
}
