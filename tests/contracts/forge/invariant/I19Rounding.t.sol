// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms, Work} from "../../../../contracts/interfaces/IFogMarket.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "../market/MarketTest.sol";

/// @notice I19: what does not divide stays where it was, and it is less than a unit for each division.
contract I19RoundingTest is MarketTest {
    /// @dev A session claimed in `n` steps keeps back less than `n` base units less than claimed in one.
    function testFuzz_ManyClaimsSaveLessThanAUnitEach(uint8 n, uint96 cap, uint256 seed) public {
        uint256 steps = bound(n, 1, 20);
        cap = uint96(bound(cap, steps, 90e18));
        bytes32 id = openSession(cap);
        for (uint256 i = 1; i <= steps; ++i) {
            uint96 claimed = market.session(id).claimed;
            if (claimed == cap) break;
            uint96 next = i == steps ? cap : uint96(bound(uint256(keccak256(abi.encode(seed, i))), claimed + 1, cap));
            market.claim(id, next, voucher(id, next));
        }
        (uint96 kept,) = market.withheld(provider);
        vm.assertEq(uint256(market.free(provider)) + kept, cap);
        vm.assertLe(kept, fee(cap), "more was kept than of one claim");
        vm.assertLe(fee(cap) - kept, steps - 1, "dust");
    }

    /// @dev Equal shares leave the buyer what does not divide: less than a unit for each replica.
    function testFuzz_SharesLeaveTheRestWithTheBuyer(uint96 price, uint8 n) public {
        uint256 count = bound(n, 1, 16);
        price = uint96(bound(price, 1, 90e18));
        (Terms memory t, Work memory work, bytes[] memory words) = replicated(price, count);
        uint96 before = market.free(buyer);
        market.settleQuorum(t, work, RESULT, 4e9, words);
        uint96 refund = market.free(buyer) - before;
        vm.assertEq(refund, price % count);
        uint256 paid;
        for (uint256 i; i < count; ++i) {
            (uint96 kept,) = market.withheld(work.replicas[i]);
            paid += market.free(work.replicas[i]) + kept;
        }
        vm.assertEq(paid + refund, price);
    }

    /// @dev Late pay is rounded down, by less than a unit.
    function testFuzz_LatePayIsRoundedDown(uint96 price, uint40 at) public view {
        Terms memory t = plain();
        t.price = uint96(bound(price, 1, 1e27));
        at = uint40(bound(at, t.due, t.lateBy));
        uint256 exact = uint256(t.price) * (t.lateBy - at); // times the grace
        uint256 paid = uint256(market.payOf(t, 0, at)) * (t.lateBy - t.due);
        vm.assertLe(paid, exact, "rounded up");
        vm.assertLe(exact - paid, t.lateBy - t.due - 1, "by more than a unit");
    }

    /// @dev Of what is streamed to bonds, owners have all but dust; what they do not have stays in the stake. A unit of
    /// rewards is 10^9 base units, of which each touch of an account loses less than one.
    function testFuzz_RewardsLoseLessThanAUnitATouch(uint96 amount, uint8 touches, uint256 seed) public {
        amount = uint96(bound(amount, 1e15, 1_000_000e18));
        address[3] memory owners = [address(0x01), address(0x02), address(0x03)];
        vm.startPrank(treasury);
        token.transfer(timelock, amount);
        for (uint256 i; i < 3; ++i) {
            token.transfer(owners[i], 1000e18);
        }
        vm.stopPrank();
        vm.prank(timelock);
        token.approve(address(stake), amount);
        vm.prank(timelock);
        stake.fund(amount);
        uint256 count = bound(touches, 1, 40);
        for (uint256 i; i < count; ++i) {
            vm.warp(block.timestamp + uint256(keccak256(abi.encode(seed, i))) % 12 hours);
            address owner = owners[i % 3];
            vm.startPrank(owner);
            token.approve(address(stake), 1e18);
            stake.bond(1e18);
            vm.stopPrank();
        }
        vm.warp(block.timestamp + 14 days);
        uint256 owed = stake.rewardsOf(provider);
        for (uint256 i; i < 3; ++i) {
            owed += stake.rewardsOf(owners[i]);
        }
        uint256 streamed = amount - amount % 7 days;
        vm.assertLe(owed, streamed, "more than was given");
        // Every touch rounds the toucher's account, and the index by as much as a unit of it is worth to all bonds; the
        // last look rounds each owner's.
        vm.assertLe(streamed - owed, (count + 4) * 1e9 + (count + 2) * 50_040, "dust");
    }

    function replicated(uint96 price, uint256 count)
        private
        returns (Terms memory t, Work memory work, bytes[] memory words)
    {
        uint256[] memory keys = new uint256[](count);
        address[] memory replicas = new address[](count);
        for (uint256 i; i < count; ++i) {
            keys[i] = 0x5EED + i;
            replicas[i] = vm.addr(keys[i]);
            for (uint256 k = i; k != 0 && replicas[k] < replicas[k - 1]; --k) {
                (replicas[k], replicas[k - 1]) = (replicas[k - 1], replicas[k]);
                (keys[k], keys[k - 1]) = (keys[k - 1], keys[k]);
            }
        }
        work = Work({spec: JOB, quorum: uint8(count), replicas: replicas, salt: 1});
        t = plain();
        (t.price, t.work) = (price, market.hashWork(work));
        bytes32 id = open(t);
        words = new bytes[](count);
        for (uint256 i; i < count; ++i) {
            words[i] = sign(keys[i], market.hashReplica(id, RESULT, 4e9));
        }
    }
}
