// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms, Work} from "../../../../contracts/interfaces/IFogMarket.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "../market/MarketTest.sol";

/// @notice I17: a signature is good for one thing: these members, this contract, this chain.
contract I17SignaturesTest is MarketTest {
    uint256 private constant KINDS = 5;

    Terms private t;
    Work private work;
    bytes32 private id;
    bytes32 private session;

    function setUp() public override {
        super.setUp();
        address[] memory replicas = new address[](1);
        replicas[0] = provider;
        work = Work({spec: JOB, quorum: 1, replicas: replicas, salt: 1});
        t = terms();
        t.work = market.hashWork(work);
        id = market.hashTerms(t);
        session = openSession(10e18);
    }

    /// @dev Something signed, and its use: 0 the provider's terms, 1 the buyer's terms, 2 an acceptance, 3 a replica's
    /// answer, 4 a voucher.
    function digest(uint256 kind) private view returns (uint256 key, bytes32 content) {
        if (kind == 0) return (PROVIDER_KEY, market.hashTerms(t));
        if (kind == 1) return (BUYER_KEY, market.hashTerms(t));
        if (kind == 2) return (BUYER_KEY, market.hashAcceptance(id, t.price));
        if (kind == 3) return (PROVIDER_KEY, market.hashReplica(id, RESULT, 4e9));
        return (BUYER_KEY, market.hashVoucher(session, 3e18));
    }

    function use(uint256 kind, bytes memory word) private returns (bool ok) {
        if (kind > 1 && kind < 4) open(t);
        bytes memory data = abi.encodeCall(market.open, (t, word));
        if (kind == 2) data = abi.encodeCall(market.settleSigned, (t, t.price, word));
        if (kind == 4) data = abi.encodeCall(market.claim, (session, 3e18, word));
        if (kind == 3) {
            bytes[] memory words = new bytes[](1);
            words[0] = word;
            data = abi.encodeCall(market.settleQuorum, (t, work, RESULT, 4e9, words));
        }
        vm.prank(kind == 0 ? buyer : kind == 1 ? provider : other);
        (ok,) = address(market).call(data);
    }

    function testFuzz_GoodOnesAreGood(uint256 kind) public {
        kind = bound(kind, 0, KINDS - 1);
        (uint256 key, bytes32 content) = digest(kind);
        vm.assertTrue(use(kind, sign(key, content)), "a good signature was refused");
    }

    /// @dev Not for another kind of thing, whoever signed it.
    function testFuzz_OtherKindsAreNone(uint256 kind, uint256 instead) public {
        (kind, instead) = (bound(kind, 0, KINDS - 1), bound(instead, 0, KINDS - 1));
        (uint256 key, bytes32 content) = digest(instead);
        (uint256 right, bytes32 wanted) = digest(kind);
        vm.assume(content != wanted || key != right);
        vm.assertFalse(use(kind, sign(key, content)));
    }

    /// @dev Any other digest: another chain's, another market's, other members'.
    function testFuzz_OtherContentIsNone(uint256 kind, bytes32 difference) public {
        vm.assume(difference != 0);
        kind = bound(kind, 0, KINDS - 1);
        (uint256 key, bytes32 content) = digest(kind);
        vm.assertFalse(use(kind, sign(key, content ^ difference)));
    }

    function testFuzz_ChainAndContractAreInEachDigest(uint256 kind, uint64 chain) public {
        kind = bound(kind, 0, KINDS - 1);
        vm.assume(chain != block.chainid && chain != 0);
        (uint256 key, bytes32 here) = digest(kind);
        uint256 home = block.chainid;
        vm.chainId(chain);
        (, bytes32 there) = digest(kind);
        vm.assertTrue(here != there, "the same on another chain");
        vm.chainId(home);
        vm.assertFalse(use(kind, sign(key, there)));
    }

    /// @dev One bit of it changed, in any place.
    function testFuzz_ChangedOnesAreNone(uint256 kind, uint256 bit) public {
        kind = bound(kind, 0, KINDS - 1);
        (uint256 key, bytes32 content) = digest(kind);
        bytes memory word = sign(key, content);
        bit = bound(bit, 0, word.length * 8 - 1);
        word[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        vm.assertFalse(use(kind, word));
    }

    /// @dev With a high s, in the long form and in the short.
    function testFuzz_TwinsAreNone(uint256 kind, bool short) public {
        kind = bound(kind, 0, KINDS - 1);
        (uint256 key, bytes32 content) = digest(kind);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, content);
        s = bytes32(CURVE_ORDER - uint256(s));
        v = v == 27 ? 28 : 27;
        if (short && v == 28) s |= bytes32(uint256(1) << 255);
        vm.assertFalse(use(kind, short ? abi.encodePacked(r, s) : abi.encodePacked(r, s, v)));
    }

    /// @dev What is spent stays spent: terms by their slot, vouchers by what was claimed.
    function testFuzz_SecondUseIsNone(uint256 kind) public {
        kind = bound(kind, 0, KINDS - 1);
        (uint256 key, bytes32 content) = digest(kind);
        bytes memory word = sign(key, content);
        vm.assertTrue(use(kind, word), "a good signature was refused");
        if (kind < 2 || kind == 4) {
            vm.assertFalse(use(kind, word));
            return;
        }
        bytes memory data = abi.encodeCall(market.settleSigned, (t, t.price, word));
        (bool ok,) = address(market).call(data);
        vm.assertFalse(ok);
    }

    /// @dev A signature in time is good until its deadline and not after: terms until they are due.
    function testFuzz_ExpiredTermsAreNone(uint40 at) public {
        (uint256 key, bytes32 content) = digest(0);
        vm.warp(bound(at, t.due, type(uint40).max));
        vm.assertFalse(use(0, sign(key, content)));
    }
}
