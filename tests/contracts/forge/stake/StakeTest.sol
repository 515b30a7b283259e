// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice Bonds and rewards as tests make them.
abstract contract StakeTest is BaseTest {
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant WEEK = 7 days;

    /// @dev Gives `owner` tokens and an allowance for the stake.
    function give(address owner, uint96 amount) internal {
        vm.prank(treasury);
        token.transfer(owner, amount);
        vm.prank(owner);
        token.approve(address(stake), type(uint256).max);
    }

    function bond(address owner, uint96 amount) internal {
        give(owner, amount);
        vm.prank(owner);
        stake.bond(amount);
    }

    /// @dev As FogMarket does with fees.
    function fund(uint96 amount) internal {
        fund(address(market), amount);
    }

    function fund(address by, uint96 amount) internal {
        give(by, amount);
        vm.prank(by);
        stake.fund(amount);
    }

    function unbond(address owner, uint96 amount) internal {
        vm.prank(owner);
        stake.unbond(amount);
    }

    function delegate(address owner, address to) internal {
        vm.prank(owner);
        stake.delegate(to);
    }

    function slash(address owner, uint96 amount, address victim, uint96 toVictim, address finder)
        internal
        returns (uint96)
    {
        vm.prank(address(market));
        return stake.slash(owner, amount, victim, toVictim, finder);
    }

    function compensate(address owner, uint96 amount, address to) internal returns (uint96) {
        vm.prank(address(market));
        return stake.compensate(owner, amount, to);
    }

    /// @dev `real` is what is due, or less by the dust that rounding keeps back: never more.
    function assertDue(uint256 real, uint256 due, uint256 dust) internal pure {
        vm.assertLe(real, due, "more than is due");
        vm.assertGe(real + dust, due, "less than is due");
    }
}
