// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

contract BondWithPermitTest is BaseTest {
    function setUp() public override {
        super.setUp();
        vm.prank(buyer);
        token.approve(address(stake), 0);
    }

    function permit(uint96 amount) private view returns (uint8 v, bytes32 r, bytes32 s) {
        return vm.sign(BUYER_KEY, permitDigest(buyer, address(stake), amount, inAnHour()));
    }

    function testFuzz_PermitTakesThePlaceOfAnAllowance(uint96 amount) public {
        amount = uint96(amount % 900e18) + 1;
        (uint8 v, bytes32 r, bytes32 s) = permit(amount);
        vm.prank(buyer);
        stake.bondWithPermit(amount, inAnHour(), v, r, s);
        vm.assertEq(stake.bonded(buyer), amount);
        vm.assertEq(token.allowance(buyer, address(stake)), 0);
    }

    function test_PermitThatSomebodyUsedFirstDoesNoHarm() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(5e18);
        token.permit(buyer, address(stake), 5e18, inAnHour(), v, r, s);
        vm.prank(buyer);
        stake.bondWithPermit(5e18, inAnHour(), v, r, s);
        vm.assertEq(stake.bonded(buyer), 5e18);
    }

    function test_PermitOfAnotherAmountIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(5e18);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(stake), 0, 6e18)
        );
        vm.prank(buyer);
        stake.bondWithPermit(6e18, inAnHour(), v, r, s);
    }

    function test_PermitOfAnotherIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(5e18);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(stake), 0, 5e18)
        );
        vm.prank(other);
        stake.bondWithPermit(5e18, inAnHour(), v, r, s);
    }

    function test_NothingIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = permit(0);
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(buyer);
        stake.bondWithPermit(0, inAnHour(), v, r, s);
    }
}
