// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Case} from "../../../../contracts/interfaces/IFogCourt.sol";
import {Delivery, JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice Nine auditors of one seat each, 100 FOG in the court's pool, and cases as they come before the court. The
/// provider delivers RESULT with FUEL; who runs the job again may get OTHER.
abstract contract CourtTest is BaseTest {
    uint256 internal constant AUDITORS = 9;
    uint96 internal constant SEAT = 1000e18;
    uint96 internal constant PRICE = 10e18;
    uint64 internal constant FUEL = 4e9;
    bytes32 internal constant OTHER = keccak256("other result");
    bytes32 internal constant SALT = keccak256("salt");

    Terms internal t;
    Delivery internal d;
    bytes32 internal job;

    function setUp() public virtual override {
        super.setUp();
        for (uint256 i; i < AUDITORS; ++i) {
            bond(auditor(i), SEAT);
            enlist(auditor(i), 1);
        }
        vm.prank(treasury);
        token.transfer(address(court), 100e18);
    }

    function auditor(uint256 i) internal pure returns (address) {
        return address(uint160(0xA0D170 + i));
    }

    function bond(address owner, uint96 amount) internal {
        vm.prank(treasury);
        token.transfer(owner, amount);
        vm.startPrank(owner);
        token.approve(address(stake), amount);
        stake.bond(amount);
        vm.stopPrank();
    }

    function unbond(address owner, uint96 amount) internal {
        vm.prank(owner);
        stake.unbond(amount);
    }

    function enlist(address who, uint16 seats) internal {
        vm.prank(who);
        court.enlist(seats);
    }

    /* CASES */

    function delivered() internal {
        t = terms();
        job = open(t);
        d = deliver(t);
    }

    /// @dev A delivery that the buyer challenged.
    function challenged() internal {
        delivered();
        challenge();
    }

    function challenge() internal {
        vm.prank(buyer);
        market.challenge(t, d);
    }

    /// @dev A delivery whose audit was drawn, which `other` noticed.
    function audited() internal {
        delivered();
        pass(2);
        vm.prank(other);
        court.audit(t, d);
    }

    function pass(uint256 blocks) internal {
        vm.roll(block.number + blocks);
    }

    function theCase() internal view returns (Case memory) {
        return court.caseOf(job);
    }

    /// @dev The committee of the case's round, drawn now.
    function draw() internal returns (address[] memory) {
        pass(2);
        court.draw(job);
        return committee();
    }

    function committee() internal view returns (address[] memory) {
        return court.committee(job, theCase().round);
    }

    function commit(address member, bytes32 result, uint64 fuel) internal {
        bytes32 commitment = court.hashCommitment(job, member, result, fuel, SALT);
        vm.prank(member);
        court.commit(job, commitment);
    }

    function reveal(address member, bytes32 result, uint64 fuel) internal {
        vm.prank(member);
        court.reveal(job, result, fuel, SALT);
    }

    function toReveals() internal {
        vm.warp(theCase().commitBy);
    }

    function toEndOfRound() internal {
        vm.warp(theCase().revealBy);
    }

    /// @dev A round in which the first `forIt` members say what was delivered, the next `against` say OTHER, and the
    /// rest nothing. Ends when its time is over.
    function vote(uint256 forIt, uint256 against) internal returns (address[] memory members) {
        members = draw();
        for (uint256 i; i < forIt + against; ++i) {
            commit(members[i], i < forIt ? RESULT : OTHER, FUEL);
        }
        toReveals();
        for (uint256 i; i < forIt + against; ++i) {
            reveal(members[i], i < forIt ? RESULT : OTHER, FUEL);
        }
        toEndOfRound();
    }

    function close() internal {
        court.close(t, d);
    }

    function assertState(JobState state) internal view {
        vm.assertEq(uint8(market.job(job).state), uint8(state));
    }
}
