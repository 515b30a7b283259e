// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Unbonding} from "../../../../contracts/interfaces/IFogStake.sol";
import {bound, vm} from "../Vm.sol";
import {Jobs} from "./Jobs.sol";

/// @notice Bonds, the queue through which they leave, their votes and rewards.
abstract contract Bonds is Jobs {
    /// @notice The bond that an account must have, and what of its bonds must be on its way out.
    mapping(address owner => uint256) public bonded;
    mapping(address owner => uint256) public leaving;

    /// @notice What was given to be streamed to bonds, and what bonds took of it.
    uint256 public funded;
    uint256 public rewarded;

    /* ACTIONS */

    function bond(uint256 who, uint256 amount) external acts {
        address owner = anyone(who);
        uint256 owned = token.balanceOf(owner);
        vm.assume(owned != 0);
        uint96 value = part(amount, owned);
        vm.prank(owner);
        stake.bond(value);
        bonded[owner] += value;
    }

    function unbond(uint256 who, uint256 amount) external acts {
        address owner = anyone(who);
        vm.assume(bonded[owner] != 0 && stake.unbonding(owner).length < 32);
        unbondOne(owner, part(amount, bonded[owner] < 5000e18 ? bonded[owner] : 5000e18));
        forbid(
            owner, address(stake), abi.encodeCall(stake.unbond, (uint96(bonded[owner] + 1))), "I10: more than bonded"
        );
    }

    function cancelUnbond(uint256 who, uint256 which) external acts {
        address owner = anyone(who);
        Unbonding[] memory queue = stake.unbonding(owner);
        vm.assume(queue.length != 0);
        which = which % queue.length;
        vm.prank(owner);
        stake.cancelUnbond(which);
        bonded[owner] += queue[which].amount;
        leaving[owner] -= queue[which].amount;
    }

    function withdrawStake(uint256 who) external acts {
        address owner = anyone(who);
        Unbonding[] memory queue = stake.unbonding(owner);
        vm.assume(queue.length != 0);
        if (block.timestamp < queue[0].release) {
            forbid(owner, address(stake), abi.encodeCall(stake.withdraw, ()), "I11: a bond left before its time");
            merelyTried = true;
            return;
        }
        uint256 due;
        for (uint256 i; i < queue.length && queue[i].release <= block.timestamp; ++i) {
            due += queue[i].amount;
        }
        uint256 had = token.balanceOf(owner);
        vm.prank(owner);
        stake.withdraw();
        vm.assertEq(token.balanceOf(owner) - had, due, "what of a bond was due");
        leaving[owner] -= due;
    }

    function delegate(uint256 who, uint256 whom) external acts {
        vm.prank(anyone(who));
        stake.delegate(whom % 5 == 0 ? address(0) : anyone(whom));
    }

    function fund(uint256 amount) external acts {
        uint256 owned = token.balanceOf(timelock);
        vm.assume(owned != 0);
        uint96 value = part(amount, owned < 10_000e18 ? owned : 10_000e18);
        vm.prank(timelock);
        stake.fund(value);
        bytes memory data = abi.encodeCall(stake.fund, (1));
        forbid(anyone(amount), address(stake), data, "somebody else gave the treasury's budget");
    }

    function claimRewards(uint256 who) external acts {
        address owner = anyone(who);
        uint256 owed = stake.rewardsOf(owner);
        vm.assume(owed != 0);
        uint256 had = token.balanceOf(owner);
        vm.prank(owner);
        stake.claimRewards();
        vm.assertEq(token.balanceOf(owner) - had, owed, "I12: rewards are what they were said to be");
        rewarded += owed;
        forbid(owner, address(stake), abi.encodeCall(stake.claimRewards, ()), "I12: rewards were paid twice");
    }

    /* STEPS */

    function unbondOne(address owner, uint256 amount) internal {
        vm.prank(owner);
        stake.unbond(uint96(amount));
        bonded[owner] -= amount;
        leaving[owner] += amount;
    }

    /* RULES */

    function bondOf(address owner) internal view override returns (uint256) {
        return bonded[owner];
    }

    /// @dev The bond goes first, then what is on its way out.
    function seized(address owner, uint256 amount) internal override {
        uint256 fromBond = amount < bonded[owner] ? amount : bonded[owner];
        bonded[owner] -= fromBond;
        leaving[owner] -= amount - fromBond;
    }
}
