// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {CourtTest} from "../court/CourtTest.sol";

/// @notice A draw among whoever sits at the moment, in whatever order.
contract PresentLottery {
    address[] private seats;

    function join() external {
        seats.push(msg.sender);
    }

    function leave() external {
        for (uint256 i; i < seats.length; ++i) {
            if (seats[i] != msg.sender) continue;
            seats[i] = seats[seats.length - 1];
            seats.pop();
            return;
        }
    }

    function draw(bytes32 seed) external view returns (address[3] memory members) {
        uint256 found;
        for (uint256 i; found < 3; ++i) {
            address next = seats[uint256(keccak256(abi.encode(seed, i))) % seats.length];
            if (next == members[0] || next == members[1]) continue;
            members[found++] = next;
        }
    }
}

/// @notice Once the seed of a committee is known, whoever has several seats works out with how many of them the draw
/// suits him best, and leaves the others before he calls it. It costs gas only.
contract SeatShufflingTest is CourtTest {
    uint256 private constant FRIENDS = 6;

    function friend(uint256 i) private pure returns (address) {
        return address(uint160(0xF71E00 + i));
    }

    function isFriend(address account) private pure returns (bool) {
        return uint160(account) >> 8 == 0xF71E;
    }

    /// @dev With a third of the seats a friend of cheats is a majority of every fourth committee. Here it is of most.
    function test_Proof_AThirdOfTheSeatsAreMostCommittees() public {
        PresentLottery naive = new PresentLottery();
        for (uint256 i; i < 24; ++i) {
            vm.prank(auditor(i));
            naive.join();
        }
        uint256 byRights;
        uint256 byChoice;
        for (uint256 i; i < 100; ++i) {
            bool suits;
            for (uint256 n = 1; n <= 12; ++n) {
                vm.prank(friend(n - 1));
                naive.join();
                if (friends(naive.draw(keccak256(abi.encode(i)))) < 2) continue;
                suits = true;
                if (n == 12) ++byRights;
            }
            if (suits) ++byChoice;
            for (uint256 n; n < 12; ++n) {
                vm.prank(friend(n));
                naive.leave();
            }
        }
        vm.assertLe(byRights, 40, "by rights");
        vm.assertGe(byChoice, 70, "by choice");
    }

    function friends(address[3] memory members) private pure returns (uint256 count) {
        for (uint256 i; i < 3; ++i) {
            if (isFriend(members[i])) ++count;
        }
    }

    /// @dev The same here: whatever he does once the seed is known, he does not sit more often than without it.
    function testFuzz_Fix_WhoComesOrGoesOnceTheSeedIsKnownGainsNothing(bytes32 seed, uint256 moves) public {
        vm.assume(seed != 0);
        for (uint256 i; i < FRIENDS; ++i) {
            bond(friend(i), 3 * SEAT);
            enlist(friend(i), 1);
        }
        challenged();
        pass(2);
        vm.setBlockhash(block.number - 1, seed);
        uint256 state = vm.snapshotState();
        court.draw(job);
        uint256 before = sitting();
        vm.revertToState(state);

        // Some of them leave, come back or take other seats.
        for (uint256 i; i < 2 * FRIENDS; ++i) {
            enlist(friend(i % FRIENDS), uint16((moves >> (2 * i)) % 4));
        }
        court.draw(job);
        vm.assertLe(sitting(), before, "a friend more");
    }

    function sitting() private view returns (uint256 count) {
        for (uint256 i; i < committee().length; ++i) {
            if (isFriend(committee()[i])) ++count;
        }
    }

    /// @dev Those who come after the seed was named are in later draws only.
    function test_Fix_NewSeatsWaitForTheNextSeed() public {
        challenged();
        pass(2);
        for (uint256 i; i < FRIENDS; ++i) {
            bond(friend(i), 64 * SEAT);
            enlist(friend(i), 64);
        }
        court.draw(job);
        for (uint256 m; m < 3; ++m) {
            vm.assertFalse(isFriend(committee()[m]));
        }
        vm.warp(theCase().revealBy);
        close();
        draw();
        vm.assertGe(sitting(), 1, "in the next");
    }
}
