// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract DepositWithAuthorizationTest is MarketTest {
    bytes32 private constant NONCE = keccak256("any 32 bytes");
    uint256 private validBefore;

    function setUp() public override {
        super.setUp();
        validBefore = block.timestamp + 60;
        vm.prank(buyer);
        token.approve(address(market), 0);
    }

    /// @dev The buyer's word for a transfer to `to`.
    function word(string memory kind, address to, uint96 amount) private view returns (bytes memory) {
        bytes32 typehash = keccak256(
            bytes.concat(
                bytes(kind),
                "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
            )
        );
        bytes32 content = keccak256(abi.encode(typehash, buyer, to, amount, 0, validBefore, NONCE));
        return sign(BUYER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), content)));
    }

    function word(uint96 amount) private view returns (bytes memory) {
        return word("ReceiveWithAuthorization", address(market), amount);
    }

    function testFuzz_AnyoneBringsTheOwnersWord(uint96 amount, address caller) public {
        amount = 1 + uint96(amount % 900e18);
        bytes memory signature = word(amount);
        vm.expectEmit(address(market));
        emit EventsLib.Deposited(buyer, amount);
        vm.prank(caller);
        market.depositWithAuthorization(buyer, amount, 0, validBefore, NONCE, signature);
        vm.assertEq(market.free(buyer), 100e18 + amount);
        vm.assertEq(token.balanceOf(buyer), 900e18 - amount);
    }

    function test_SecondTimeIsRefused() public {
        bytes memory signature = word(5e18);
        market.depositWithAuthorization(buyer, 5e18, 0, validBefore, NONCE, signature);
        vm.expectRevert();
        market.depositWithAuthorization(buyer, 5e18, 0, validBefore, NONCE, signature);
        vm.assertEq(market.free(buyer), 105e18);
    }

    function test_OtherOwnerOrAmountIsRefused() public {
        bytes memory signature = word(5e18);
        vm.expectRevert();
        market.depositWithAuthorization(provider, 5e18, 0, validBefore, NONCE, signature);
        vm.expectRevert();
        market.depositWithAuthorization(buyer, 6e18, 0, validBefore, NONCE, signature);
    }

    /// @dev One that anyone may bring anywhere would let a thief leave it out of the market's books.
    function test_WordForATransferIsRefused() public {
        bytes memory signature = word("TransferWithAuthorization", address(market), 5e18);
        vm.expectRevert();
        market.depositWithAuthorization(buyer, 5e18, 0, validBefore, NONCE, signature);
    }

    function test_WordForTheMarketWorksNowhereElse() public {
        bytes memory signature = word(5e18);
        vm.expectRevert();
        vm.prank(other);
        token.receiveWithAuthorization(buyer, address(market), 5e18, 0, validBefore, NONCE, signature);
    }

    function test_TooLateIsRefused() public {
        bytes memory signature = word(5e18);
        vm.warp(validBefore);
        vm.expectRevert();
        market.depositWithAuthorization(buyer, 5e18, 0, validBefore, NONCE, signature);
    }

    function test_NothingIsRefused() public {
        bytes memory signature = word(0);
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        market.depositWithAuthorization(buyer, 0, 0, validBefore, NONCE, signature);
    }
}
