// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Job, JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {AccountSlot, AccountsLib, earnings} from "../../../../contracts/libraries/AccountSlot.sol";
import {SUPPLY} from "../../../../contracts/libraries/ConstantsLib.sol";
import {CurrentSlot} from "../../../../contracts/libraries/CurrentSlot.sol";
import {JobSlot, opened} from "../../../../contracts/libraries/JobSlot.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "../market/MarketTest.sol";

/// @notice I23: what is packed or cast comes out as it went in, or is refused.
contract I23CastsTest is MarketTest {
    using AccountsLib for mapping(address => AccountSlot);

    mapping(address => AccountSlot) private accounts;

    /// @dev A job's slot through all its states: each change sets state, time and block, and nothing else.
    function testFuzz_JobSlot(uint16 version, uint16 feeBps, uint40[3] memory times, uint32[3] memory blocks, bytes18 d)
        public
    {
        (uint40 at, uint32 number) = (times[0], blocks[0]);
        vm.warp(at);
        vm.roll(number);
        JobSlot slot = opened(version, feeBps);
        check(slot, Job(JobState.Open, version, feeBps, at, number, 0));
        (at, number) = (times[1], blocks[1]);
        vm.warp(at);
        vm.roll(number);
        slot = slot.enter(JobState.Delivered).withDelivery(d);
        check(slot, Job(JobState.Delivered, version, feeBps, at, number, d));
        (at, number) = (times[2], blocks[2]);
        vm.warp(at);
        vm.roll(number);
        check(slot.enter(JobState.Slashed), Job(JobState.Slashed, version, feeBps, at, number, d));
    }

    function check(JobSlot slot, Job memory expected) private pure {
        vm.assertEq(keccak256(abi.encode(slot.unpack())), keccak256(abi.encode(expected)), "a job's slot");
    }

    /// @dev Of all there can be, no member carries into its neighbour.
    function testFuzz_AccountSlot(uint96 first, uint96 second, uint16 feeBps, uint96 taken) public {
        first = uint96(bound(first, 0, SUPPLY));
        second = uint96(bound(second, 0, SUPPLY - first));
        feeBps = uint16(bound(feeBps, 0, 300));
        (AccountSlot a, uint256 feeA) = earnings(first, feeBps);
        (AccountSlot b, uint256 feeB) = earnings(second, feeBps);
        accounts.credit(buyer, a);
        accounts.credit(buyer, b);
        uint256 free = uint256(first) + second - feeA - feeB;
        taken = uint96(bound(taken, 0, free));
        accounts.debit(buyer, taken);
        vm.assertEq(accounts[buyer].free(), free - taken);
        vm.assertEq(accounts[buyer].fees(), feeA + feeB);
        vm.assertEq(accounts[buyer].volume(), first / 1e9 + second / 1e9);
        AccountSlot empty = accounts[buyer].collected();
        vm.assertEq(empty.free(), free - taken);
        vm.assertEq(AccountSlot.unwrap(empty) >> 96, 0);
    }

    function testFuzz_CurrentSlot(uint16[3] memory p, uint16[3] memory q, uint40 until) public pure {
        CurrentSlot slot = CurrentSlot.wrap(0).withParameters(p[0], p[1], p[2]).withStop(until);
        slot = slot.withParameters(q[0], q[1], q[2]);
        vm.assertEq(slot.version(), q[0]);
        vm.assertEq(slot.feeBps(), q[1]);
        vm.assertEq(slot.bondMultiple(), q[2]);
        vm.assertEq(slot.stoppedUntil(), until);
        vm.assertEq(slot.withStop(0).stoppedUntil(), 0);
        vm.assertEq(slot.withStop(0).version(), q[0]);
    }

    /// @dev With any rate, fuel, price and times, pay is what arithmetic without limits gives, and fits the price.
    function testFuzz_PayNeverOverflows(Terms memory t, uint64 fuel, uint40 at) public view {
        t.lateBy = uint40(bound(t.lateBy, t.due, type(uint40).max));
        uint256 gross = t.rate == 0 ? t.price : uint256(t.rate) * fuel / 1e9;
        if (gross > t.price) gross = t.price;
        if (at > t.due) gross = at >= t.lateBy ? 0 : gross * (t.lateBy - at) / (t.lateBy - t.due);
        vm.assertEq(market.payOf(t, fuel, at), gross);
    }

    /// @dev No amount that does not fit is taken for one that does.
    function testFuzz_AmountsAboveAUint96AreRefused(uint256 amount, uint8 which) public {
        amount = bound(amount, uint256(type(uint96).max) + 1, type(uint256).max);
        bytes4[4] memory calls =
            [market.deposit.selector, market.withdraw.selector, stake.bond.selector, stake.unbond.selector];
        address target = which % 4 < 2 ? address(market) : address(stake);
        vm.prank(buyer);
        (bool ok,) = target.call(abi.encodeWithSelector(calls[which % 4], amount));
        vm.assertFalse(ok);
        vm.assertEq(market.free(buyer), 100e18);
    }
}
