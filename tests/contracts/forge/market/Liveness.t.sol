// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {MAX_VERDICT_TIME} from "../../../../contracts/libraries/ConstantsLib.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

/// @notice Every state that is not an end has a deadline, and after it an outsider can end it: whatever buyer, provider,
/// court and guardian do or leave undone.
contract LivenessTest is MarketTest {
    uint256 private constant OUTSIDER = 0x0175;

    function outsider(uint256 seed) private view returns (address) {
        address who = address(uint160(uint256(keccak256(abi.encode(OUTSIDER, seed)))));
        vm.assume(who != buyer && who != provider && who != address(court));
        return who;
    }

    function testFuzz_Open(uint256 seed, uint40 at) public {
        Terms memory t = terms();
        bytes32 id = open(t);
        stopAll();
        vm.warp(bound(at, t.lateBy, type(uint40).max));
        vm.prank(outsider(seed));
        market.expire(t);
        assertState(id, JobState.Expired);
        vm.assertEq(market.free(buyer), 100e18);
        vm.assertEq(token.balanceOf(buyer), 902e18);
    }

    function testFuzz_Delivered(uint256 seed, uint40 at) public {
        Terms memory t = terms();
        bytes32 id = open(t);
        Delivery memory d = deliver(t);
        stopAll();
        vm.warp(bound(at, d.at + WINDOW, type(uint40).max));
        vm.prank(outsider(seed));
        market.finalize(t, d);
        assertState(id, JobState.Settled);
        vm.assertEq(market.free(provider), net(4e18));
    }

    function testFuzz_Challenged(uint256 seed, uint40 at) public {
        Terms memory t = terms();
        bytes32 id = open(t);
        Delivery memory d = deliver(t);
        vm.prank(buyer);
        market.challenge(t, d);
        stopAll();
        vm.warp(bound(at, block.timestamp + MAX_VERDICT_TIME, type(uint40).max));
        vm.prank(outsider(seed));
        market.finalize(t, d);
        assertState(id, JobState.Settled);
        vm.assertEq(market.free(provider), net(4e18));
    }

    /// @dev The case ends by itself too, and the buyer has his bond back: nobody could answer.
    function testFuzz_CaseWithoutAuditors(uint256 seed, uint40 at) public {
        Terms memory t = terms();
        bytes32 id = open(t);
        Delivery memory d = deliver(t);
        vm.prank(buyer);
        market.challenge(t, d);
        vm.warp(bound(at, court.caseOf(id).verdictBy, type(uint40).max));
        vm.prank(outsider(seed));
        court.close(t, d);
        assertState(id, JobState.Settled);
        vm.assertEq(market.free(provider), net(4e18));
        vm.assertEq(token.balanceOf(buyer), 910e18);
    }

    function testFuzz_Session(uint256 seed, uint40 at) public {
        bytes32 id = openSession(50e18);
        stopAll();
        vm.warp(bound(at, market.session(id).expiry, type(uint40).max));
        vm.prank(outsider(seed));
        market.closeSession(id);
        vm.assertEq(market.free(buyer), 100e18);
    }

    /// @dev A stop is for what is new. Balances leave as ever.
    function test_StopHoldsNoBalance() public {
        stopAll();
        vm.prank(buyer);
        market.withdraw(100e18);
        vm.assertEq(token.balanceOf(buyer), 1000e18);
    }

    function stopAll() private {
        vm.prank(guardian);
        market.stop(uint40(block.timestamp + 14 days));
    }
}
