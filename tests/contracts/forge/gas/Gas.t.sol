// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms, Work} from "../../../../contracts/interfaces/IFogMarket.sol";
import {Review} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice What the common transactions cost, with their 21,000 and calldata, on accounts that have been used before.
/// Kept in snapshots/GasTest.json; `make test` compares.
/// forge-config: default.isolate = true
contract GasTest is BaseTest {
    uint256[3] private keys = [uint256(1), 2, 3];

    function setUp() public override {
        super.setUp();
        vm.prank(treasury);
        token.transfer(address(this), 1000e18);
        // Nobody's balance slot is new.
        bytes32 id = openSession(1e18);
        market.claim(id, 1e18, voucher(id, 1e18));
        address[] memory payees = replicas();
        vm.prank(buyer);
        market.settleBatch(payees, batch(payees.length, 3, 1_000_000));
    }

    function test_SingleJobSettledBySignature() public {
        Terms memory t = bare();
        vm.prank(buyer);
        bytes32 id = market.open(t, "");
        uint256 used = vm.snapshotGasLastCall("open");
        bytes memory word = sign(BUYER_KEY, market.hashAcceptance(id, t.price));
        vm.prank(provider);
        market.settleSigned(t, t.price, word);
        used += vm.snapshotGasLastCall("settleSigned");
        vm.assertLe(used, 105_000, "open and settleSigned");
    }

    function test_Deliver() public {
        Terms memory t = bare();
        open(t);
        deliver(t);
        vm.assertLe(vm.snapshotGasLastCall("deliver"), 33_000, "deliver");
    }

    function test_OpenWithBond() public {
        open(terms());
        vm.snapshotGasLastCall("open with breach");
    }

    function test_SettleQuorum() public {
        Work memory work = Work({spec: JOB, quorum: 3, replicas: replicas(), salt: 1});
        Terms memory t = bare();
        t.price = 9e18;
        t.work = market.hashWork(work);
        bytes32 id = open(t);
        bytes[] memory signatures = new bytes[](3);
        for (uint256 i; i < 3; ++i) {
            signatures[i] = sign(keyOf(work.replicas[i]), market.hashReplica(id, RESULT, 4e9));
        }
        market.settleQuorum(t, work, RESULT, 4e9, signatures);
        vm.assertLe(vm.snapshotGasLastCall("settleQuorum of 3"), 70_000, "settleQuorum");
    }

    function test_Claim() public {
        vm.prank(buyer);
        bytes32 id = market.openSession(provider, 10e18, inAnHour(), "another");
        vm.snapshotGasLastCall("openSession");
        market.claim(id, 2e18, voucher(id, 2e18));
        vm.snapshotGasLastCall("claim, first");
        market.claim(id, 3e18, voucher(id, 3e18));
        vm.assertLe(vm.snapshotGasLastCall("claim"), 57_000, "claim");
        vm.prank(provider);
        market.closeSession(id);
        vm.snapshotGasLastCall("closeSession");
    }

    /// @dev The first is the dearest: the buyer is new to these providers' readers.
    function test_Reviews() public {
        address[] memory payees = replicas();
        Review[] memory first = reviews(payees, "first");
        Review[] memory second = reviews(payees, "second");
        vm.prank(buyer);
        registry.review(first);
        vm.snapshotGasLastCall("review of 3, first");
        vm.prank(buyer);
        registry.review(second);
        vm.assertLe(vm.snapshotGasLastCall("review of 3"), 215_000, "review of 3");
    }

    /// @dev Of sessions with each of the payees that are closed.
    function reviews(address[] memory payees, bytes32 forJob) private returns (Review[] memory all) {
        all = new Review[](payees.length);
        for (uint256 i; i < payees.length; ++i) {
            vm.prank(buyer);
            bytes32 id = market.openSession(payees[i], 1e18, inAnHour(), forJob);
            vm.prank(payees[i]);
            market.closeSession(id);
            all[i] = Review({session: id, value: 100});
        }
    }

    function test_Batch100() public {
        address[] memory payees = replicas();
        bytes memory items = batch(payees.length, 100, 0);
        vm.prank(buyer);
        market.settleBatch(payees, items);
        vm.assertLe(vm.snapshotGasLastCall("settleBatch of 100"), 190_000, "settleBatch of 100");
    }

    function test_Batch1000() public {
        address[] memory payees = replicas();
        bytes memory items = batch(payees.length, 1000, 0);
        vm.prank(buyer);
        market.settleBatch(payees, items);
        vm.assertLe(vm.snapshotGasLastCall("settleBatch of 1000"), 1_400_000, "settleBatch of 1000");
    }

    function test_Bond() public {
        vm.prank(treasury);
        token.transfer(other, 100e18);
        vm.prank(other);
        token.approve(address(stake), type(uint256).max);
        vm.prank(other);
        stake.bond(50e18);
        vm.assertLe(vm.snapshotGasLastCall("bond, first"), 80_000, "bond");
        vm.prank(other);
        stake.bond(50e18);
        vm.snapshotGasLastCall("bond");
        vm.prank(other);
        stake.unbond(50e18);
        vm.snapshotGasLastCall("unbond");
    }

    /// @dev A job of fixed price without breach.
    function bare() private view returns (Terms memory t) {
        t = terms();
        (t.rate, t.breach) = (0, 0);
    }

    function replicas() private view returns (address[] memory sorted) {
        sorted = new address[](3);
        for (uint256 i; i < 3; ++i) {
            sorted[i] = vm.addr(keys[i]);
        }
        for (uint256 i; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                if (sorted[j] < sorted[i]) (sorted[i], sorted[j]) = (sorted[j], sorted[i]);
            }
        }
    }

    function keyOf(address account) private view returns (uint256) {
        for (uint256 i; i < 3; ++i) {
            if (vm.addr(keys[i]) == account) return keys[i];
        }
        revert("no key");
    }

    function batch(uint256 payees, uint256 count, uint32 first) private pure returns (bytes memory items) {
        for (uint32 i; i < count; ++i) {
            items = abi.encodePacked(items, uint16(i % payees), first + i, uint80(0.001234567890123456e18));
        }
    }
}
