// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {StakeTest} from "./StakeTest.sol";

/// @notice The stake beside a plain book of rewards, which knows no accumulator: it pays every bond its share whenever
/// anything happens, in units of 10^-18.
contract RewardsModelTest is StakeTest {
    uint256 private constant FINE = 1e18;
    uint256 private constant STEPS = 24;

    /// @dev What a step may keep back of one account's rewards: a reward unit for each time the account is written, of
    /// which there are two at most, and a unit of the index for each unit bonded, of which there are 2 million FOG.
    uint256 private constant DUST = 2e9 + 4e6;

    address[3] private owners;
    uint256[3] private due;
    uint256 private pending;
    uint256 private rate;
    uint256 private end;
    uint256 private updated;

    function setUp() public override {
        super.setUp();
        owners = [buyer, provider, other];
        updated = block.timestamp;
        give(buyer, 1_000_000e18);
        give(other, 1_000_000e18);
        give(address(market), 1_000_000e18);
    }

    /// @dev I12, I19: nobody has more than his share, nobody less by more than dust, and all that is owed is there.
    function testFuzz_RewardsAreThoseOfTheBook(uint256[STEPS] calldata steps) public {
        for (uint256 i; i < STEPS; ++i) {
            pass((steps[i] >> 16) % 3 days);
            act(steps[i]);
            check(i + 1);
        }
        pass(8 days);
        check(STEPS + 1);
        for (uint256 i; i < 3; ++i) {
            uint256 before = token.balanceOf(owners[i]);
            uint96 seen = stake.rewardsOf(owners[i]);
            if (seen == 0) continue;
            vm.prank(owners[i]);
            stake.claimRewards();
            vm.assertEq(token.balanceOf(owners[i]), before + seen);
        }
        vm.assertGe(token.balanceOf(address(stake)), held(), "bonds are not covered");
    }

    /// @dev Time passes, then the market brings one base unit: it is when something happens that a week ends.
    function pass(uint256 time) private {
        vm.warp(block.timestamp + time);
        uint256 seen = stake.rewardsOf(buyer);
        bring(1);
        vm.assertEq(stake.rewardsOf(buyer), seen, "the view foresaw something else");
    }

    function bring(uint96 amount) private {
        vm.prank(address(market));
        stake.fund(amount);
        payOut();
        renew();
        pending += amount;
        renew();
    }

    function act(uint256 seed) private {
        uint256 who = (seed >> 8) % 3;
        address owner = owners[who];
        uint96 amount = uint96((seed >> 64) % 40_000e18) + 1;
        uint256 kind = seed % 7;
        if (kind == 0) {
            if (token.balanceOf(owner) < amount) return;
            vm.prank(owner);
            stake.bond(amount);
        } else if (kind == 1) {
            uint96 bonded = stake.bonded(owner);
            if (bonded != 0) unbond(owner, amount < bonded ? amount : bonded);
        } else if (kind == 2) {
            if (stake.unbonding(owner).length == 0) return;
            vm.prank(owner);
            stake.cancelUnbond(0);
        } else if (kind == 3) {
            slash(owner, amount, address(0xDEAD), amount / 2, address(0));
        } else if (kind == 4) {
            if (stake.rewardsOf(owner) == 0) return;
            vm.prank(owner);
            due[who] -= stake.claimRewards() * FINE;
        } else if (kind == 5) {
            bring(amount);
        } else {
            for (uint256 i; i < 3; ++i) {
                if (stake.bonded(owners[i]) != 0) unbond(owners[i], stake.bonded(owners[i]));
            }
        }
    }

    /// @dev What streamed since the last step; while nobody is bonded it waits.
    function payOut() private {
        uint256 until = block.timestamp < end ? block.timestamp : end;
        uint256 total = stake.totalBonded();
        uint256 given = until > updated ? rate * (until - updated) : 0;
        if (total < 1e18) pending += given;
        for (uint256 i; i < 3 && total >= 1e18; ++i) {
            due[i] += given * FINE * stake.bonded(owners[i]) / total;
        }
        updated = block.timestamp;
    }

    /// @dev Begins the next week when this one is over.
    function renew() private {
        if (block.timestamp < end) return;
        rate = pending / WEEK;
        pending -= rate * WEEK;
        if (rate != 0) end = block.timestamp + WEEK;
    }

    function check(uint256 steps) private view {
        uint256 owed = held();
        for (uint256 i; i < 3; ++i) {
            uint256 real = stake.rewardsOf(owners[i]);
            owed += real;
            assertDue(real, (due[i] + 3 * steps) / FINE, steps * DUST); // the book rounds down too, by units of 10^-18
        }
        vm.assertLe(owed, token.balanceOf(address(stake)), "more is owed than is there");
    }

    function held() private view returns (uint256) {
        return stake.slashable(buyer) + stake.slashable(provider) + stake.slashable(other);
    }
}
