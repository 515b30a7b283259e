// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

contract BurnTest is BaseTest {
    function test_BurntTokensAreGone() public {
        vm.prank(buyer);
        token.burn(900e18);
        vm.assertEq(token.balanceOf(buyer), 0);
        vm.assertEq(token.totalSupply(), 1_000_000_000e18 - 900e18);
    }

    function test_NobodyBurnsMoreThanHisOwn() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, 900e18, 901e18));
        vm.prank(buyer);
        token.burn(901e18);
    }

    function test_BurningAnothersNeedsAnAllowance() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, other, 0, 1));
        vm.prank(other);
        token.burnFrom(buyer, 1);

        vm.prank(buyer);
        token.approve(other, 5e18);
        vm.prank(other);
        token.burnFrom(buyer, 5e18);
        vm.assertEq(token.balanceOf(buyer), 895e18);
    }
}
