// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "../court/CourtTest.sol";

/// @notice A jury of whoever signs up, an account a seat.
contract OpenJury {
    address[] public members;

    function join() external {
        members.push(msg.sender);
    }

    function draw(bytes32 seed, uint256 i) external view returns (address) {
        return members[uint256(keccak256(abi.encode(seed, i))) % members.length];
    }
}

/// @notice One person with many accounts wants to be most of the jury.
contract SybilAuditorsTest is CourtTest {
    uint96 private constant PURSE = 9 * SEAT; // as much as all the honest together

    function isSybil(address account) private pure returns (bool) {
        return uint160(account) >> 40 == 0x5B11;
    }

    function sybil(uint256 i) private pure returns (address) {
        return address(uint160(0x5B11 << 40 | i));
    }

    function test_Proof_AccountsAreFreeAndSoIsAMajority() public {
        OpenJury naive = new OpenJury();
        for (uint256 i; i < AUDITORS; ++i) {
            vm.prank(auditor(i));
            naive.join();
        }
        for (uint256 i; i < 900; ++i) {
            vm.prank(sybil(i));
            naive.join();
        }
        uint256 drawn;
        for (uint256 i; i < 100; ++i) {
            if (isSybil(naive.draw("seed", i))) ++drawn;
        }
        vm.assertGe(drawn, 95, "drawn");
    }

    /// @dev Seats are bonds: the same purse in one account or in nine has nine.
    function test_Fix_SplittingABondGivesNoMoreSeats() public {
        bond(sybil(0), PURSE);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooManySeats.selector, 10));
        enlist(sybil(0), 10);
        enlist(sybil(0), 9);
        vm.assertEq(court.seatCount(), 2 * AUDITORS);
        enlist(sybil(0), 0);

        for (uint256 i = 1; i < 1000; ++i) {
            vm.expectRevert();
            enlist(sybil(i), 1);
        }
        for (uint256 i = 1; i <= 9; ++i) {
            bond(sybil(i), SEAT);
            enlist(sybil(i), 1);
        }
        vm.assertEq(court.seatCount(), 2 * AUDITORS);
    }

    /// @dev With half of all seats he is half of the committees, and to convict the honest he must be all of one: that
    /// is an eighth of the first ones, for nine times the bond of a seat at stake in each.
    function test_Fix_HalfTheSeatsSeldomConvict() public {
        for (uint256 i; i < 9; ++i) {
            bond(sybil(i), SEAT);
            enlist(sybil(i), 1);
        }
        uint256 all;
        uint256 members;
        for (uint256 i; i < 200; ++i) {
            uint256 count = drawnSybils(keccak256(abi.encode(i)));
            members += count;
            if (count == 3) ++all;
        }
        // Of 600 half, 300; of 200 whole committees 9/18 * 8/17 * 7/16, 20.6. Both within four deviations.
        vm.assertGe(members, 260, "members");
        vm.assertLe(members, 340, "members");
        vm.assertLe(all, 38, "whole committees");
    }

    function drawnSybils(bytes32 seed) private returns (uint256 count) {
        t = terms();
        t.work = seed;
        t.price = 0.1e18;
        t.breach = 0;
        job = open(t);
        d = deliver(t);
        challenge();
        pass(2);
        vm.setBlockhash(block.number - 1, seed);
        court.draw(job);
        for (uint256 i; i < 3; ++i) {
            if (isSybil(committee()[i])) ++count;
        }
    }
}
