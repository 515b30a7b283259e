// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogMarket, JobState, Terms, Work} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {bound, vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";
import {MarketTest} from "./MarketTest.sol";

contract SettleQuorumTest is MarketTest {
    uint64 private constant FUEL = 4e9;

    Terms private t;
    Work private work;
    uint256[] private keys;
    bytes32 private id;

    /// @dev A job of `count` replicas, sorted, with fresh keys.
    function prepare(uint256 count, uint8 quorum) private {
        address[] memory replicas = new address[](count);
        delete keys;
        for (uint256 i; i < count; ++i) {
            uint256 key = 1000 + i;
            uint256 at = i;
            keys.push(key);
            for (; at != 0 && vm.addr(keys[at - 1]) > vm.addr(key); --at) {
                keys[at] = keys[at - 1];
            }
            keys[at] = key;
        }
        for (uint256 i; i < count; ++i) {
            replicas[i] = vm.addr(keys[i]);
        }
        prepare(Work({spec: JOB, quorum: quorum, replicas: replicas, salt: 1}));
    }

    function prepare(Work memory work_) private {
        work = work_;
        t = terms();
        t.work = market.hashWork(work_);
        id = open(t);
    }

    /// @dev One signature for each replica whose bit is set in `who`.
    function words(uint256 who) private view returns (bytes[] memory signatures) {
        bytes32 digest = market.hashReplica(id, RESULT, FUEL);
        signatures = new bytes[](keys.length);
        for (uint256 i; i < keys.length; ++i) {
            if (who >> i & 1 == 1) signatures[i] = sign(keys[i], digest);
        }
    }

    function testFuzz_ThoseThatAgreeArePaidAnEqualShare(uint256 count, uint256 quorum, uint256 who, address caller)
        public
    {
        count = bound(count, 1, 16);
        quorum = bound(quorum, count / 2 + 1, count);
        who = who % (1 << count);
        for (uint256 i; ones(who) < quorum; ++i) {
            who |= 1 << i;
        }
        prepare(count, uint8(quorum));
        uint96 share = uint96(4e18 / count);
        address[] memory agreed = new address[](ones(who));
        for ((uint256 i, uint256 at) = (0, 0); i < count; ++i) {
            if (who >> i & 1 == 1) agreed[at++] = work.replicas[i];
        }
        uint96 refund = 10e18 - share * uint96(agreed.length);
        bytes[] memory signatures = words(who);
        vm.expectEmit(address(market));
        emit IFogMarket.ReplicasPaid(id, agreed, net(share), fee(share), refund);
        vm.prank(caller);
        market.settleQuorum(t, work, RESULT, FUEL, signatures);

        assertState(id, JobState.Settled);
        for (uint256 i; i < count; ++i) {
            bool signed = who >> i & 1 == 1;
            (uint96 fees, uint64 volume) = market.withheld(work.replicas[i]);
            vm.assertEq(market.free(work.replicas[i]), signed ? net(share) : 0);
            vm.assertEq(fees, signed ? fee(share) : 0);
            vm.assertEq(volume, signed ? share / 1e9 : 0);
        }
        vm.assertEq(market.free(provider), 0);
        vm.assertEq(market.free(buyer), 90e18 + refund);
    }

    function testFuzz_LateAgreementIsPaidAsLate(uint40 late) public {
        prepare(3, 2);
        vm.warp(bound(late, t.due, t.lateBy + 1 days));
        uint96 share = market.payOf(t, FUEL, uint40(block.timestamp)) / 3;
        market.settleQuorum(t, work, RESULT, FUEL, words(7));
        vm.assertEq(market.free(work.replicas[0]), net(share));
        vm.assertEq(market.free(buyer), 100e18 - 3 * share);
    }

    function test_DeliveredJobSettlesToo() public {
        prepare(3, 2);
        deliver(t);
        market.settleQuorum(t, work, RESULT, FUEL, words(3));
        assertState(id, JobState.Settled);
    }

    function test_ProviderMayBeOneOfThem() public {
        address[] memory replicas = new address[](1);
        replicas[0] = provider;
        prepare(Work({spec: JOB, quorum: 1, replicas: replicas, salt: 1}));
        keys.push(PROVIDER_KEY);
        market.settleQuorum(t, work, RESULT, FUEL, words(1));
        vm.assertEq(market.free(provider), net(4e18));
    }

    function test_CompactSignaturesAreAsGood() public {
        prepare(3, 3);
        bytes[] memory signatures = words(5);
        signatures[1] = compact(keys[1], market.hashReplica(id, RESULT, FUEL));
        market.settleQuorum(t, work, RESULT, FUEL, signatures);
        vm.assertEq(market.free(work.replicas[1]), net(uint96(uint256(4e18) / 3)));
    }

    function test_ContractReplicaSignsByErc1271() public {
        Wallet1271 wallet = new Wallet1271();
        address[] memory replicas = new address[](1);
        replicas[0] = address(wallet);
        prepare(Work({spec: JOB, quorum: 1, replicas: replicas, salt: 1}));
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = "a word of any length";
        expectBadSignature(address(wallet));
        market.settleQuorum(t, work, RESULT, FUEL, signatures);

        wallet.accept(market.hashReplica(id, RESULT, FUEL), signatures[0]);
        market.settleQuorum(t, work, RESULT, FUEL, signatures);
        vm.assertEq(market.free(address(wallet)), net(4e18));
    }

    function test_FewerThanTheQuorumAreRefused() public {
        prepare(5, 4);
        bytes[] memory signatures = words(7);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NoQuorum.selector, 3, 4));
        market.settleQuorum(t, work, RESULT, FUEL, signatures);
    }

    function test_OtherResultOrFuelThanSignedIsRefused() public {
        prepare(3, 2);
        bytes[] memory signatures = words(7);
        expectBadSignature(work.replicas[0]);
        market.settleQuorum(t, work, keccak256("other"), FUEL, signatures);
        expectBadSignature(work.replicas[0]);
        market.settleQuorum(t, work, RESULT, FUEL + 1, signatures);
    }

    function test_OneReplicasWordDoesNotStandForAnothers() public {
        prepare(3, 2);
        bytes[] memory signatures = words(3);
        signatures[2] = signatures[1];
        expectBadSignature(work.replicas[2]);
        market.settleQuorum(t, work, RESULT, FUEL, signatures);
    }

    function test_WordForAnotherJobIsRefused() public {
        prepare(3, 2);
        bytes[] memory signatures = words(7);
        vm.warp(block.timestamp + 1);
        prepare(3, 2);
        expectBadSignature(work.replicas[0]);
        market.settleQuorum(t, work, RESULT, FUEL, signatures);
    }

    function test_OtherWorkThanThatOfTheTermsIsRefused() public {
        prepare(3, 2);
        bytes[] memory signatures = words(7);
        work.quorum = 1;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTheWork.selector, t.work));
        market.settleQuorum(t, work, RESULT, FUEL, signatures);
    }

    function test_QuorumThatIsNoMajorityIsRefused() public {
        refusedQuorum(4, 2);
        refusedQuorum(3, 0);
        refusedQuorum(0, 0);
    }

    function test_QuorumAboveTheReplicasIsRefused() public {
        refusedQuorum(3, 4);
    }

    function test_MoreThanSixteenReplicasAreRefused() public {
        refusedQuorum(17, 9);
    }

    function test_SignaturesAreOneForEachReplica() public {
        prepare(3, 2);
        keys.pop();
        bytes[] memory signatures = words(3);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadQuorum.selector, 3, 2));
        market.settleQuorum(t, work, RESULT, FUEL, signatures);
    }

    function test_ReplicaTwiceIsRefused() public {
        address[] memory replicas = new address[](3);
        (replicas[0], replicas[1], replicas[2]) = (address(1), address(2), address(2));
        refusedReplicas(replicas, address(2));
    }

    function test_ReplicasOutOfOrderAreRefused() public {
        address[] memory replicas = new address[](3);
        (replicas[0], replicas[1], replicas[2]) = (address(2), address(1), address(3));
        refusedReplicas(replicas, address(1));
    }

    function test_NobodyAsReplicaIsRefused() public {
        refusedReplicas(new address[](1), address(0));
    }

    function test_BuyerAsReplicaIsRefused() public {
        address[] memory replicas = new address[](1);
        replicas[0] = buyer;
        refusedReplicas(replicas, buyer);
    }

    /// @dev A replica with more than 20 bytes would be a second account with the same key, and an event nobody can read.
    function test_ReplicaThatIsNoAddressIsRefused() public {
        prepare(1, 1);
        bytes memory data = abi.encodeCall(market.settleQuorum, (t, work, RESULT, FUEL, words(1)));
        bytes32 odd = bytes32(uint256(uint160(work.replicas[0])) | 1 << 200);
        uint256 at = 4 + 9 * 32 + 4 * 32 + 5 * 32;
        assembly ("memory-safe") {
            mstore(add(add(data, 0x20), at), odd)
        }
        // The buyer meant it: the terms have the hash of this work.
        bytes32 kind = keccak256("Work(bytes32 spec,uint8 quorum,address[] replicas,uint256 salt)");
        Terms memory odd_ = terms();
        odd_.work = keccak256(abi.encode(kind, JOB, 1, keccak256(abi.encode(odd)), 1));
        id = open(odd_);
        bytes memory head = abi.encode(odd_);
        for (uint256 i; i < head.length; ++i) {
            data[4 + i] = head[i];
        }
        bytes memory word = words(1)[0];
        for (uint256 i; i < 65; ++i) {
            data[data.length - 96 + i] = word[i];
        }
        (bool done, bytes memory answer) = address(market).call(data);
        vm.assertFalse(done);
        bytes memory why = abi.encodeWithSelector(ErrorsLib.NotAReplica.selector, work.replicas[0]);
        vm.assertEq(keccak256(answer), keccak256(why));
    }

    function refusedQuorum(uint256 count, uint8 quorum) private {
        vm.warp(block.timestamp + 1);
        prepare(count, quorum);
        bytes[] memory signatures = words(type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadQuorum.selector, count, quorum));
        market.settleQuorum(t, work, RESULT, FUEL, signatures);
    }

    function refusedReplicas(address[] memory replicas, address which) private {
        uint8 quorum = uint8(replicas.length / 2 + 1);
        prepare(Work({spec: JOB, quorum: quorum, replicas: replicas, salt: 1}));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAReplica.selector, which));
        market.settleQuorum(t, work, RESULT, FUEL, new bytes[](replicas.length));
    }

    function ones(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) {
            ++count;
        }
    }
}
