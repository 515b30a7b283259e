// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib, Reason} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";
import {MarketTest} from "./MarketTest.sol";

contract SettleSignedTest is MarketTest {
    Terms private t;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        t = terms();
        id = open(t);
    }

    function testFuzz_PriceIsSplitAsBothSay(uint96 amount, bool delivered) public {
        amount = uint96(amount % (t.price + 1));
        if (delivered) deliver(t);
        bytes memory signature = acceptance(id, amount);
        vm.expectEmit(address(market));
        emit EventsLib.JobSettled(id, net(amount), fee(amount), 10e18 - amount, Reason.Accepted);
        vm.prank(provider);
        market.settleSigned(t, amount, signature);

        assertState(id, JobState.Settled);
        vm.assertEq(market.free(provider), net(amount));
        vm.assertEq(market.free(buyer), 100e18 - amount);
        (uint96 fees, uint64 volume) = market.withheld(provider);
        vm.assertEq(fees, fee(amount));
        vm.assertEq(volume, amount / 1e9);
        vm.assertEq(token.balanceOf(address(market)), 100e18);
    }

    function test_BuyerPaysTheWholePriceWithoutASignature() public {
        vm.prank(buyer);
        market.settleSigned(t, 10e18, "");
        vm.assertEq(market.free(provider), net(10e18));
    }

    function testFuzz_AnyonePaysTheWholePriceWithTheBuyersSignature(address caller) public {
        bytes memory signature = acceptance(id, 10e18);
        vm.prank(caller);
        market.settleSigned(t, 10e18, signature);
        vm.assertEq(market.free(provider), net(10e18));
    }

    /// @dev Else the buyer would have the work, and his money back.
    function testFuzz_LessThanThePriceTakesTheProvidersConsent(uint96 amount, bool delivered) public {
        amount = uint96(amount % 10e18);
        if (delivered) deliver(t);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotProvider.selector, buyer));
        market.settleSigned(t, amount, "");
        bytes memory signature = acceptance(id, amount);
        vm.prank(other);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotProvider.selector, other));
        market.settleSigned(t, amount, signature);
    }

    function test_BuyersWordOutlivesCodeOnHisAccount() public {
        bytes memory signature = acceptance(id, 3e18);
        vm.etch(buyer, type(Wallet1271).runtimeCode);
        vm.prank(provider);
        market.settleSigned(t, 3e18, signature);
        vm.assertEq(market.free(provider), net(3e18));
    }

    function test_CompactSignatureIsAsGood() public {
        bytes memory signature = compact(BUYER_KEY, market.hashAcceptance(id, 3e18));
        vm.prank(provider);
        market.settleSigned(t, 3e18, signature);
        vm.assertEq(market.free(provider), net(3e18));
    }

    function test_MalleatedCompactSignatureIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, market.hashAcceptance(id, 3e18));
        bytes32 twin = bytes32(CURVE_ORDER - uint256(s));
        expectBadSignature(buyer);
        market.settleSigned(t, 3e18, abi.encodePacked(r, uint256(twin) | uint256(28 - v) << 255));
    }

    function test_ContractBuyerAcceptsByErc1271() public {
        Wallet1271 wallet = newWallet(10e18);
        t = plain();
        t.buyer = address(wallet);
        wallet.accept(market.hashTerms(t), "open");
        id = market.open(t, "open");
        wallet.accept(market.hashAcceptance(id, 3e18), "pay");
        expectBadSignature(address(wallet));
        market.settleSigned(t, 4e18, "pay");
        vm.prank(provider);
        market.settleSigned(t, 3e18, "pay");
        vm.assertEq(market.free(provider), net(3e18));
        vm.assertEq(market.free(address(wallet)), 7e18);
    }

    function test_MoreThanThePriceIsRefused() public {
        bytes memory signature = acceptance(id, 10e18 + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AbovePrice.selector, 10e18 + 1, 10e18));
        market.settleSigned(t, 10e18 + 1, signature);
    }

    function testFuzz_OthersWordIsRefused(uint256 key) public {
        key = 1 + key % (CURVE_ORDER - 1);
        vm.assume(key != BUYER_KEY);
        bytes memory signature = sign(key, market.hashAcceptance(id, 5e18));
        expectBadSignature(buyer);
        vm.prank(provider);
        market.settleSigned(t, 5e18, signature);
    }

    function testFuzz_OtherAmountThanSignedIsRefused(uint96 amount) public {
        amount = uint96(amount % (t.price + 1));
        vm.assume(amount != 5e18);
        bytes memory signature = acceptance(id, 5e18);
        expectBadSignature(buyer);
        market.settleSigned(t, amount, signature);
    }

    function test_AcceptanceOfAnotherJobIsRefused() public {
        Terms memory second = terms();
        second.work = keccak256("other work");
        bytes memory signature = acceptance(open(second), 5e18);
        expectBadSignature(buyer);
        market.settleSigned(t, 5e18, signature);
    }

    function test_AcceptanceForAnotherChainIsRefused() public {
        uint256 here = block.chainid;
        vm.chainId(here + 1);
        bytes memory signature = acceptance(id, 5e18);
        vm.chainId(here);
        expectBadSignature(buyer);
        market.settleSigned(t, 5e18, signature);
    }

    function test_ChallengedJobIsTheCourts() public {
        vm.warp(block.timestamp + 1);
        (Terms memory later,, bytes32 job) = challenged();
        expectWrongState(job, JobState.Challenged);
        vm.prank(buyer);
        market.settleSigned(later, 5e18, "");
    }
}
