// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Parameters} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract SettleBatchTest is MarketTest {
    address[] private payees;

    function setUp() public override {
        super.setUp();
        payees = [provider, other, treasury];
    }

    struct Item {
        uint16 payee;
        uint32 number;
        uint80 amount;
    }

    function encode(Item[] memory items) private pure returns (bytes memory data) {
        for (uint256 i; i < items.length; ++i) {
            data = abi.encodePacked(data, items[i].payee, items[i].number, items[i].amount);
        }
    }

    function item(uint16 payee, uint32 number, uint80 amount) private pure returns (bytes memory) {
        return abi.encodePacked(payee, number, amount);
    }

    function settle(bytes memory items) private {
        vm.prank(buyer);
        market.settleBatch(payees, items);
    }

    /// @dev Numbers in any order, of which some share a word of the map.
    function testFuzz_EachPayeeHasItsSum(Item[] memory items) public {
        vm.assume(items.length != 0);
        uint96[3] memory sums;
        uint96 total;
        for (uint32 i; i < items.length; ++i) {
            items[i].payee %= 3;
            items[i].number = items[i].number / 1000 * 1000 + i;
            items[i].amount = uint80(items[i].amount % 0.3e18);
            sums[items[i].payee] += items[i].amount;
            total += items[i].amount;
        }
        settle(encode(items));
        for (uint256 i; i < 3; ++i) {
            (uint96 fees, uint64 volume) = market.withheld(payees[i]);
            vm.assertEq(market.free(payees[i]), net(sums[i]));
            vm.assertEq(fees, fee(sums[i]));
            vm.assertEq(volume, sums[i] / 1e9);
        }
        vm.assertEq(market.free(buyer), 100e18 - total);
        for (uint256 i; i < items.length; ++i) {
            vm.assertTrue(market.settled(buyer, items[i].number));
        }
    }

    function test_EventsSayWhoHasWhatAndWhichJobs() public {
        bytes memory items = bytes.concat(item(0, 3, 2e18), item(1, 5, 1e18), item(0, 256, 4e18), item(2, 257, 0));
        vm.expectEmit(address(market));
        emit EventsLib.BatchNumbers(buyer, 0, 1 << 3 | 1 << 5);
        vm.expectEmit(address(market));
        emit EventsLib.BatchNumbers(buyer, 1, 3);
        vm.expectEmit(address(market));
        emit EventsLib.BatchPaid(buyer, provider, net(6e18), fee(6e18));
        vm.expectEmit(address(market));
        emit EventsLib.BatchPaid(buyer, other, net(1e18), fee(1e18));
        vm.expectEmit(address(market));
        emit EventsLib.BatchSettled(buyer, keccak256(items), 4, 7e18);
        settle(items);
        vm.assertTrue(market.settled(buyer, 257));
        vm.assertFalse(market.settled(buyer, 4));
        vm.assertFalse(market.settled(other, 3));
    }

    function test_HighestNumberAndAmountFit() public {
        vm.startPrank(treasury);
        token.approve(address(market), type(uint256).max);
        market.deposit(2_000_000e18);
        market.settleBatch(payees, item(0, type(uint32).max, type(uint80).max));
        vm.stopPrank();
        vm.assertEq(market.free(provider), net(type(uint80).max));
        vm.assertTrue(market.settled(treasury, type(uint32).max));
    }

    function test_JobTwiceInABatchIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadySettled.selector, 2, 7));
        settle(bytes.concat(item(0, 7, 1), item(0, 8, 1), item(1, 7, 1)));
    }

    /// @dev The word of the first is written and read again.
    function test_JobTwiceApartInABatchIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadySettled.selector, 2, 7));
        settle(bytes.concat(item(0, 7, 1), item(0, 700, 1), item(1, 7, 1)));
    }

    function test_JobOfAnEarlierBatchIsRefused() public {
        settle(item(0, 7, 1));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadySettled.selector, 0, 7));
        settle(item(0, 7, 1));
    }

    function test_AnotherBuyersNumbersAreHisOwn() public {
        settle(item(0, 7, 1));
        vm.prank(treasury);
        token.transfer(other, 5);
        vm.startPrank(other);
        token.approve(address(market), 5);
        market.deposit(5);
        market.settleBatch(payees, item(0, 7, 5));
        vm.stopPrank();
        vm.assertEq(market.free(provider), 6);
    }

    function test_MoreThanFreeIsRefusedAsAWhole() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, 100e18, 100e18 + 1));
        settle(bytes.concat(item(0, 1, 100e18), item(1, 2, 1)));
        vm.assertFalse(market.settled(buyer, 1));
    }

    /// @dev 2^16 + 1 items of 2^80 - 1 come to more than a uint96.
    function test_SumAboveAllAmountsIsRefused() public {
        uint256 count = 1 << 16;
        bytes memory items = new bytes(16 * (count + 1));
        for (uint256 i; i <= count; ++i) {
            uint256 word = uint256(i) << 208 | uint256(type(uint80).max) << 128;
            assembly ("memory-safe") {
                let place := add(add(items, 0x20), shl(4, i))
                // The 16 bytes behind the item are the next one's, and written over.
                if lt(i, count) { mstore(place, word) }
                if eq(i, count) {
                    mstore(place, or(word, and(mload(place), 0xffffffffffffffffffffffffffffffff)))
                }
            }
        }
        uint96 most = type(uint96).max;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, most, most));
        settle(items);
    }

    function test_UnknownPayeeIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadBatch.selector, 1));
        settle(bytes.concat(item(2, 1, 1), item(3, 2, 1)));
    }

    function test_NothingIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadBatch.selector, 0));
        settle("");
    }

    function test_PartOfAnItemIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadBatch.selector, 1));
        settle(bytes.concat(item(0, 1, 1), hex"00"));
    }

    function test_FeeIsTheOneOfTheDay() public {
        settle(item(0, 1, 10e18));
        Parameters memory p = parameters(judge);
        p.feeBps = 300;
        vm.prank(timelock);
        market.setParameters(p);
        settle(item(1, 2, 10e18));
        vm.assertEq(market.free(provider), 9.9e18);
        vm.assertEq(market.free(other), 9.7e18);
    }
}
