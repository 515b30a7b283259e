// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Parameters} from "../../../../contracts/interfaces/IFogMarket.sol";
import {MIN_CHALLENGE_WINDOW, MIN_PHASE} from "../../../../contracts/libraries/ConstantsLib.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice Whoever wants a deadline to pass fills every block until then. Full blocks raise the base fee by an eighth
/// each (EIP-1559), so that the cost grows with the exponential of the window.
contract BlockStuffingTest is BaseTest {
    uint256 private constant BLOCK_TIME = 12;
    uint256 private constant BLOCK_GAS = 36_000_000;

    /// @dev What it costs to fill the blocks of `window` seconds, at a base fee of one gwei to begin with, in ether.
    function cost(uint256 window) private pure returns (uint256) {
        uint256 fee = 1 gwei;
        uint256 sum;
        for (uint256 i; i < window / BLOCK_TIME; ++i) {
            sum += BLOCK_GAS * fee;
            fee += fee / 8;
        }
        return sum / 1 ether;
    }

    function test_Proof_AMinuteIsCheap() public pure {
        vm.assertEq(cost(1 minutes), 0);
    }

    /// @dev The shortest window there can be costs more than a hundred ether; the court's silence only acquits.
    function test_Fix_ShortestWindowIsDear() public pure {
        vm.assertGe(cost(MIN_CHALLENGE_WINDOW), 100, "ether for the shortest window");
        // Commits and reveals of all rounds together take longer still, and nobody is slashed when they fail.
        vm.assertGe(6 * MIN_PHASE, MIN_CHALLENGE_WINDOW, "phases");
    }

    /// @dev No vote makes it shorter.
    function testFuzz_Fix_ShorterWindowsAreRefused(uint32 window) public {
        window = uint32(window % MIN_CHALLENGE_WINDOW);
        Parameters memory p = parameters(address(court));
        p.challengeWindow = window;
        vm.expectRevert(
            abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("challengeWindow"), uint256(window))
        );
        vm.prank(timelock);
        market.setParameters(p);
    }

    /// @dev A provider need not wait for the last block: his vouchers are good from the moment he has them.
    function test_Fix_VouchersNeedNoLastMoment() public {
        bytes32 id = openSession(10e18);
        market.claim(id, 4e18, voucher(id, 4e18));
        // Every block from here to the expiry is full. Only what was signed meanwhile is at stake.
        vm.warp(inAnHour());
        vm.prank(buyer);
        market.closeSession(id);
        vm.assertEq(market.free(provider), net(4e18));
    }
}
