// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract DepositWithPermitTest is BaseTest {
    uint256 private deadline;

    function setUp() public override {
        super.setUp();
        deadline = block.timestamp + 60;
        vm.prank(buyer);
        token.approve(address(market), 0);
    }

    function permit(uint256 key, uint256 amount) private view returns (uint8 v, bytes32 r, bytes32 s) {
        return vm.sign(key, permitDigest(buyer, address(market), amount, deadline));
    }

    function test_PermitIsAsGoodAsAnAllowance() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(BUYER_KEY, 7e18);
        vm.prank(buyer);
        market.depositWithPermit(7e18, deadline, v, r, s);
        vm.assertEq(market.free(buyer), 107e18);
        vm.assertEq(token.allowance(buyer, address(market)), 0);
    }

    function test_PermitUsedUpByAnotherStillDeposits() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(BUYER_KEY, 7e18);
        vm.prank(other);
        token.permit(buyer, address(market), 7e18, deadline, v, r, s);
        vm.prank(buyer);
        market.depositWithPermit(7e18, deadline, v, r, s);
        vm.assertEq(market.free(buyer), 107e18);
    }

    function test_ForgedPermitIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(OTHER_KEY, 7e18);
        vm.expectRevert();
        vm.prank(buyer);
        market.depositWithPermit(7e18, deadline, v, r, s);
        vm.assertEq(market.free(buyer), 100e18);
    }

    function test_PermitOfAnotherDepositsNothingOfHis() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(BUYER_KEY, 7e18);
        vm.expectRevert();
        vm.prank(other);
        market.depositWithPermit(7e18, deadline, v, r, s);
        vm.assertEq(token.balanceOf(buyer), 900e18);
    }
}
