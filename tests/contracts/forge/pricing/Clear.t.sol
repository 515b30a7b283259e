// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogPricing} from "../../../../contracts/FogPricing.sol";
import {FirstClass, SignedBid} from "../../../../contracts/interfaces/IFogPricing.sol";
import {AuctionLib} from "../../../../contracts/libraries/AuctionLib.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";
import {PricingTest} from "./PricingTest.sol";

contract ClearTest is PricingTest {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    uint40 private r;

    function setUp() public override {
        super.setUp();
        for (uint256 i; i < 4; ++i) {
            fund(i, 1, 100e18);
            equip(i, 1);
        }
        r = round();
        endRound();
    }

    /// @dev Buyers 9, 8, 7; sellers 3, 4, 5, 6: all three trade at 6, the first ask that does not.
    function manyAsks() private view returns (SignedBid[] memory, SignedBid[] memory) {
        return (bids(BUY, fog([uint96(9), 8, 7, 0], 3), r), bids(SELL, fog([uint96(3), 4, 5, 6], 4), r));
    }

    /// @dev Buyers 9, 8, 7; sellers 3, 4, 5: at 7, the last buyer and one seller do not trade.
    function fewAsks() private view returns (SignedBid[] memory, SignedBid[] memory) {
        return (bids(BUY, fog([uint96(9), 8, 7, 0], 3), r), bids(SELL, fog([uint96(3), 4, 5, 0], 3), r));
    }

    function test_PriceOfTheFirstAskThatDoesNotTrade() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        bytes32[] memory leaves = new bytes32[](6);
        for (uint256 i; i < 3; ++i) {
            leaves[i] = digestOf(BUY, buys[i], r);
            leaves[3 + i] = digestOf(SELL, sells[i], r);
        }
        bytes32 root = AuctionLib.root(leaves);
        vm.expectEmit(address(pricing));
        emit EventsLib.AuctionCleared(CPU, r, 6e18, 3, root);
        pricing.clear(CPU, r, buys, sells);

        (uint96 price, uint32 trades, bytes32 stored, bool isFinal) = pricing.result(CPU, r);
        vm.assertEq(price, 6e18);
        vm.assertEq(trades, 3);
        vm.assertEq(stored, root);
        vm.assertFalse(isFinal);
        vm.warp(block.timestamp + 600);
        (,,, isFinal) = pricing.result(CPU, r);
        vm.assertTrue(isFinal);
    }

    function testFuzz_LastBuyerAndOneSellerByLotAreLeftOut(bytes32 beacon) public {
        vm.prevrandao(beacon);
        (SignedBid[] memory buys, SignedBid[] memory sells) = fewAsks();
        pricing.clear(CPU, r, buys, sells);
        (uint96 price, uint32 trades, bytes32 root,) = pricing.result(CPU, r);
        vm.assertEq(price, 7e18);
        vm.assertEq(trades, 2);

        // The draw is over seed, trader and number: everybody can repeat it.
        uint256 excluded;
        bytes32 lowest = bytes32(type(uint256).max);
        for (uint256 i; i < 3; ++i) {
            bytes32 lot =
                keccak256(abi.encode(pricing.seed(r), uint256(uint160(sells[i].trader)) << 32 | sells[i].number));
            if (lot < lowest) (lowest, excluded) = (lot, i);
        }
        bytes32[] memory leaves = new bytes32[](4);
        (leaves[0], leaves[1]) = (digestOf(BUY, buys[0], r), digestOf(BUY, buys[1], r));
        leaves[2] = digestOf(SELL, sells[excluded == 0 ? 1 : 0], r);
        leaves[3] = digestOf(SELL, sells[excluded == 2 ? 1 : 2], r);
        vm.assertEq(root, AuctionLib.root(leaves));
    }

    function test_EveryTradeIsProvedFromTheRoot() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        pricing.clear(CPU, r, buys, sells);
        bytes32[] memory proof = new bytes32[](3);
        // Leaves b0 b1 | b2 s0 | s1 s2: the third pair has no neighbour and moves up.
        proof[0] = digestOf(BUY, buys[1], r);
        proof[1] = pairHash(digestOf(BUY, buys[2], r), digestOf(SELL, sells[0], r));
        proof[2] = pairHash(digestOf(SELL, sells[1], r), digestOf(SELL, sells[2], r));
        vm.assertTrue(pricing.trades(CPU, r, digestOf(BUY, buys[0], r), proof));
        vm.assertFalse(pricing.trades(CPU, r, digestOf(SELL, sells[3], r), proof));
        vm.assertFalse(pricing.trades(GPU, r, digestOf(BUY, buys[0], r), proof));
        vm.assertFalse(pricing.trades(CPU, r + 1, 0, new bytes32[](0)));
    }

    function pairHash(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function test_OneTraderTradesSeveralLots() public {
        fund(0, 2, 100e18);
        SignedBid[] memory buys = new SignedBid[](3);
        buys[0] = bid(BUY, 0, 9e18, 0, r);
        buys[1] = bid(BUY, 0, 9e18, 1, r);
        buys[2] = bid(BUY, 0, 8e18, 2, r);
        sort(BUY, buys, r);
        (, SignedBid[] memory sells) = manyAsks();
        pricing.clear(CPU, r, buys, sells);
        (, uint32 trades,,) = pricing.result(CPU, r);
        vm.assertEq(trades, 3);
    }

    // ---- replacement

    function test_MoreCompleteSubmissionReplacesALesser() public {
        SignedBid[] memory buys = bids(BUY, fog([uint96(9), 8, 0, 0], 2), r);
        SignedBid[] memory sells = bids(SELL, fog([uint96(3), 4, 5, 0], 3), r);
        pricing.clear(CPU, r, buys, sells);
        (uint96 price, uint32 trades,,) = pricing.result(CPU, r);
        vm.assertEq(price, 5e18);
        vm.assertEq(trades, 2);

        (buys, sells) = manyAsks();
        pricing.clear(CPU, r, buys, sells);
        (price, trades,,) = pricing.result(CPU, r);
        vm.assertEq(price, 6e18);
        vm.assertEq(trades, 3);
    }

    /// @dev At the same number of trades, leaving out an ask moves the price: such a submission does not stand.
    function test_AskLeftOutToRaiseThePriceIsTakenInByWhoComesNext() public {
        SignedBid[] memory buys = bids(BUY, fog([uint96(9), 8, 0, 0], 2), r);
        SignedBid[] memory dear = bids(SELL, fog([uint96(3), 4, 7, 0], 3), r);
        SignedBid[] memory honest = bids(SELL, fog([uint96(3), 4, 7, 5], 4), r);
        pricing.clear(CPU, r, buys, dear);
        (uint96 price,,,) = pricing.result(CPU, r);
        vm.assertEq(price, 7e18);
        pricing.clear(CPU, r, buys, honest);
        (price,,,) = pricing.result(CPU, r);
        vm.assertEq(price, 5e18);
        vm.expectRevert(ErrorsLib.NotBetter.selector);
        pricing.clear(CPU, r, buys, dear);
    }

    function test_SameSubmissionTwiceIsRefused() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = fewAsks();
        pricing.clear(CPU, r, buys, sells);
        vm.expectRevert(ErrorsLib.NotBetter.selector);
        pricing.clear(CPU, r, buys, sells);
    }

    function test_SeedStaysForTheNextSubmission() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = fewAsks();
        pricing.clear(CPU, r, buys, sells);
        bytes32 seed = pricing.seed(r);
        vm.roll(block.number + 1);
        vm.prevrandao(keccak256("later"));
        (buys, sells) = manyAsks();
        pricing.clear(CPU, r, buys, sells);
        vm.assertEq(pricing.seed(r), seed);
    }

    // ---- time

    function testFuzz_SubmissionsAreTakenFor600SecondsAfterTheRound(uint256 when) public {
        uint256 end = (uint256(r) + 1) * 600;
        when = end - 600 + when % 1800;
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        vm.warp(when);
        bool inTime = when >= end && when < end + 600;
        if (!inTime) vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotInTime.selector, r));
        pricing.clear(CPU, r, buys, sells);
    }

    function test_BidsOfAnotherRoundAreRefused() public {
        SignedBid[] memory buys = bids(BUY, fog([uint96(9), 8, 7, 0], 3), r);
        SignedBid[] memory sells = bids(SELL, fog([uint96(3), 4, 5, 0], 3), r);
        endRound();
        vm.expectRevert();
        pricing.clear(CPU, r + 1, buys, sells);
    }

    // ---- refusals

    function test_UnknownClassIsRefused() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.UnknownClass.selector, GPU));
        pricing.clear(GPU, r, buys, sells);
    }

    function test_WrongOrderIsRefused() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        (buys[1], buys[2]) = (buys[2], buys[1]);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfOrder.selector, 2));
        pricing.clear(CPU, r, buys, sells);
        (buys[1], buys[2]) = (buys[2], buys[1]);
        (sells[0], sells[1]) = (sells[1], sells[0]);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfOrder.selector, 1));
        pricing.clear(CPU, r, buys, sells);
    }

    function test_BidThatComesTwiceIsRefused() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        buys[1] = buys[0];
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfOrder.selector, 1));
        pricing.clear(CPU, r, buys, sells);
    }

    function test_EqualPricesGoByTheirHash() public {
        SignedBid[] memory buys = bids(BUY, fog([uint96(9), 9, 9, 0], 3), r);
        (, SignedBid[] memory sells) = manyAsks();
        (buys[1], buys[2]) = (buys[2], buys[1]);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfOrder.selector, 2));
        pricing.clear(CPU, r, buys, sells);
        (buys[1], buys[2]) = (buys[2], buys[1]);
        pricing.clear(CPU, r, buys, sells);
    }

    function test_NoTradesIsRefused() public {
        SignedBid[] memory buys = bids(BUY, fog([uint96(3), 2, 0, 0], 2), r);
        SignedBid[] memory sells = bids(SELL, fog([uint96(4), 5, 0, 0], 2), r);
        vm.expectRevert(ErrorsLib.NoTrades.selector);
        pricing.clear(CPU, r, buys, sells);
        // One deal whose price its own buyer sets is none either.
        sells = bids(SELL, fog([uint96(2), 5, 0, 0], 2), r);
        vm.expectRevert(ErrorsLib.NoTrades.selector);
        pricing.clear(CPU, r, buys, sells);
        vm.expectRevert(ErrorsLib.NoTrades.selector);
        pricing.clear(CPU, r, buys, new SignedBid[](0));
        vm.expectRevert(ErrorsLib.NoTrades.selector);
        pricing.clear(CPU, r, new SignedBid[](0), sells);
    }

    function test_CancelledBidIsRefused() public {
        uint40 next = round();
        SignedBid[] memory buys = bids(BUY, fog([uint96(9), 8, 7, 0], 3), next);
        SignedBid[] memory sells = bids(SELL, fog([uint96(3), 4, 5, 6], 4), next);
        vm.prank(trader(SELL, 1));
        pricing.cancelBids(next);
        endRound();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BidVoid.selector, trader(SELL, 1)));
        pricing.clear(CPU, next, buys, sells);
    }

    function testFuzz_SignatureBindsEveryField(uint8 field) public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        if (field % 3 == 0) buys[1].trader = trader(BUY, 3);
        if (field % 3 == 1) buys[1].price -= 1;
        if (field % 3 == 2) buys[1].number += 1;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buys[1].trader));
        pricing.clear(CPU, r, buys, sells);
    }

    function test_BidIsNoAsk() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        sells[0] = buys[2];
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buys[2].trader));
        pricing.clear(CPU, r, buys, sells);
    }

    function test_BidForAnotherChainOrContractIsRefused() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        vm.chainId(block.chainid + 1);
        vm.expectRevert();
        pricing.clear(CPU, r, buys, sells);
        vm.chainId(block.chainid - 1);

        FogPricing twin = new FogPricing(timelock, address(market), address(registry), new FirstClass[](0));
        vm.prank(timelock);
        twin.addClass(CPU, LOT, PER_GFUEL, PER_GIBS, bounds());
        vm.expectRevert();
        twin.clear(CPU, r, buys, sells);
        pricing.clear(CPU, r, buys, sells);
    }

    function test_MalleatedSignatureIsRefused() public {
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        (uint8 v, bytes32 x, bytes32 s) = vm.sign(key(BUY, 0), digestOf(BUY, buys[0], r));
        buys[0].signature = abi.encodePacked(x, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buys[0].trader));
        pricing.clear(CPU, r, buys, sells);
    }

    function test_ContractTraderSignsByErc1271() public {
        Wallet1271 wallet = new Wallet1271();
        vm.prank(treasury);
        token.transfer(address(wallet), 2000e18);
        wallet.call(address(token), abi.encodeCall(token.approve, (address(market), 2000e18)));
        wallet.call(address(market), abi.encodeCall(market.deposit, (2000e18)));
        (SignedBid[] memory buys, SignedBid[] memory sells) = manyAsks();
        buys[0] = SignedBid({trader: address(wallet), price: 20e18, number: 0, signature: "word"});
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, address(wallet)));
        pricing.clear(CPU, r, buys, sells);
        wallet.accept(digestOf(BUY, buys[0], r), "word");
        pricing.clear(CPU, r, buys, sells);
    }

    function test_BidBeyondTheBalanceIsRefused() public {
        SignedBid[] memory buys = new SignedBid[](1);
        buys[0] = bid(BUY, 0, 50e18 + 1, 1, r);
        (, SignedBid[] memory sells) = manyAsks();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BidNotCovered.selector, trader(BUY, 0), 1));
        pricing.clear(CPU, r, buys, sells);
        buys[0] = bid(BUY, 0, 50e18, 1, r);
        pricing.clear(CPU, r, buys, sells);
    }

    function test_AskBeyondTheCapacityIsRefused() public {
        (SignedBid[] memory buys,) = manyAsks();
        SignedBid[] memory sells = new SignedBid[](2);
        sells[0] = bid(SELL, 0, 3e18, 0, r);
        sells[1] = bid(SELL, 0, 4e18, 1, r);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AskNotCovered.selector, trader(SELL, 0), 1));
        pricing.clear(CPU, r, buys, sells);
        equip(0, 2);
        pricing.clear(CPU, r, buys, sells);
    }

    function test_AskOfANodeOfAnotherClassIsRefused() public {
        addClass(GPU);
        SignedBid[] memory buys = new SignedBid[](1);
        SignedBid[] memory sells = new SignedBid[](1);
        buys[0] = bid(BUY, 0, 9e18, 0, r);
        buys[0].signature = sign(key(BUY, 0), pricing.hashBid(trader(BUY, 0), GPU, BUY, 9e18, 0, r));
        sells[0] = bid(SELL, 0, 3e18, 0, r);
        sells[0].signature = sign(key(SELL, 0), pricing.hashBid(trader(SELL, 0), GPU, SELL, 3e18, 0, r));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AskNotCovered.selector, trader(SELL, 0), 0));
        pricing.clear(GPU, r, buys, sells);
    }

    function test_DigestIsThatOfEip712() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("fogchain"),
                keccak256("1"),
                block.chainid,
                address(pricing)
            )
        );
        bytes32 kind = keccak256("Bid(address trader,bytes32 class,uint8 side,uint96 price,uint32 number,uint40 round)");
        bytes32 content = keccak256(abi.encode(kind, buyer, CPU, SELL, 3e18, 2, r));
        vm.assertEq(
            pricing.hashBid(buyer, CPU, SELL, 3e18, 2, r), keccak256(abi.encodePacked(hex"1901", domain, content))
        );
    }
}
