// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CourtParameters} from "../../../../contracts/interfaces/IFogCourt.sol";
import {Parameters} from "../../../../contracts/interfaces/IFogMarket.sol";
import {bound, vm} from "../Vm.sol";
import {World} from "./World.sol";

/// @notice What votes and the guardian decide, and what nobody may.
abstract contract Rules is World {
    /// @notice Until when new jobs are stopped, by the rules.
    uint40 public stoppedUntil;

    uint40 private lastStop;
    Parameters[] internal versions;
    CourtParameters internal courtRules;

    constructor() {
        (Parameters memory first,,) = market.current();
        versions.push(first);
        courtRules = court.parameters();
    }

    /// @notice The parameters of version n are at n - 1.
    function versionCount() external view returns (uint256) {
        return versions.length;
    }

    function ruleBook(uint256 version) external view returns (Parameters memory) {
        return versions[version - 1];
    }

    function rules() internal view returns (Parameters storage) {
        return versions[versions.length - 1];
    }

    /* ACTIONS */

    function setParameters(uint256 seed) external acts {
        Parameters memory p = Parameters({
            court: address(court),
            challengeWindow: uint32(bound(mix(seed, 0), 10 minutes, 3 days)),
            feeBps: uint16(bound(mix(seed, 1), 0, 300)),
            bondMultiple: uint16(bound(mix(seed, 2), 1, 100))
        });
        bytes memory data = abi.encodeCall(market.setParameters, (p));
        forbid(outsider(seed), address(market), data, "I8: parameters were set without a vote");
        vm.prank(timelock);
        market.setParameters(p);
        versions.push(p);

        p.feeBps = uint16(bound(mix(seed, 3), 301, type(uint16).max));
        data = abi.encodeCall(market.setParameters, (p));
        forbid(timelock, address(market), data, "a fee above its bound");
    }

    function setCourtParameters(uint256 seed) external acts {
        CourtParameters memory p = CourtParameters({
            commitTime: uint24(bound(mix(seed, 0), 30 minutes, 6 hours)),
            revealTime: uint24(bound(mix(seed, 1), 30 minutes, 6 hours)),
            auditMinBps: uint16(bound(mix(seed, 2), 100, 2000)),
            auditFactor: uint16(bound(mix(seed, 3), 0, 10)),
            slashMultiple: uint16(bound(mix(seed, 4), 1, 100)),
            seatBond: uint96(bound(mix(seed, 5), 500e18, 1000e18))
        });
        bytes memory data = abi.encodeCall(court.setParameters, (p));
        forbid(outsider(seed), address(court), data, "I8: the court's parameters were set without a vote");
        vm.prank(timelock);
        court.setParameters(p);
        courtRules = p;
    }

    /// @dev The guardian stops new jobs, as often as it may; once its term is over it may not.
    function stop(uint256 time) external acts {
        // Mostly for a while: during a stop there is little to see.
        uint40 until = uint40(block.timestamp + bound(time, 1, time % 4 == 0 ? 14 days : 1 hours));
        bytes memory data = abi.encodeCall(market.stop, (until));
        forbid(anyone(time), address(market), data, "I8: somebody stopped the market");
        bool tooSoon = lastStop != 0 && block.timestamp < lastStop + 14 days;
        if (tooSoon || block.timestamp >= market.guardianUntil()) {
            forbid(guardian, address(market), data, "I7: the guardian stopped again too soon, or after its term");
            merelyTried = true;
            return;
        }
        vm.prank(guardian);
        market.stop(until);
        (stoppedUntil, lastStop) = (until, until);
    }

    /// @dev A vote ends a stop, and can't make it longer; nor can the guardian begin anew at once.
    function resume(uint256 seed) external acts {
        vm.assume(block.timestamp < stoppedUntil);
        bytes memory longer = abi.encodeCall(market.stop, (uint40(stoppedUntil + 1 + seed % 1000)));
        forbid(timelock, address(market), longer, "I7: a vote made a stop longer");
        vm.prank(timelock);
        market.stop(seed % 2 == 0 ? 0 : uint40(block.timestamp));
        (stoppedUntil, lastStop) = (uint40(block.timestamp), uint40(block.timestamp));
        bytes memory again = abi.encodeCall(market.stop, (uint40(block.timestamp + 1)));
        forbid(guardian, address(market), again, "I7: the guardian undid a vote");
    }

    /// @dev Prices are advice: what is named there, or nothing, holds no fee back.
    function setPricing(uint256 which) external acts {
        address[3] memory choice = [market.pricing(), address(0), address(0xBAD)];
        vm.prank(timelock);
        market.setPricing(choice[which % 3]);
    }

    /* AGAINST THE RULES */

    /// @dev No role moves money: not the timelock, the guardian, nor the court on its own.
    function usurp(uint256 who, uint256 whose, uint256 amount) external acts {
        address[4] memory roles = [timelock, guardian, address(court), anyone(whose)];
        address role = roles[who % 4];
        address victim = anyone(amount);
        uint96 value = uint96(bound(amount, 1, type(uint96).max));
        bytes memory data = abi.encodeCall(stake.slash, (victim, value, role, value, role));
        forbid(role, address(stake), data, "I8: somebody slashed by himself");
        data = abi.encodeCall(stake.compensate, (victim, value, role));
        forbid(role, address(stake), data, "I8: somebody took a breach by himself");
        data = abi.encodeCall(token.transferFrom, (address(market), role, value));
        forbid(role, address(token), data, "I8: somebody took the market's tokens");
    }

    function outsider(uint256 seed) private view returns (address) {
        return seed % 4 == 0 ? guardian : seed % 4 == 1 ? address(court) : anyone(seed >> 2);
    }

    /* TIME */

    function wait(uint256 time) external acts {
        pass(bound(time, 1, 20 minutes));
    }

    function waitLong(uint256 time) external acts {
        // Mostly a night: after a week hardly anything is open any more.
        pass(time % 4 == 0 ? bound(time, 7 days, 8 days) : bound(time, 1 hours, 10 hours));
    }
}
