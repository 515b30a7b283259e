// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogCourt} from "../../../../contracts/FogCourt.sol";
import {FogMarket} from "../../../../contracts/FogMarket.sol";
import {FogStake} from "../../../../contracts/FogStake.sol";
import {FogToken} from "../../../../contracts/FogToken.sol";
import {bound, vm} from "../Vm.sol";
import {Replay} from "./Replay.sol";

/// @notice The contracts that everyone meets.
struct Contracts {
    FogToken token;
    FogStake stake;
    FogMarket market;
    FogCourt court;
    address timelock;
    address guardian;
}

/// @notice Who acts, on what, and how often each action came about. Some have more than one part:
///
///     0 1 2 3          buyers
///           3 4 5 6    providers
///                 6 7 8 9 10 11 12 13    auditors
///                                     14 nobody in particular
///
/// @dev What is within the rules may not revert (`fail_on_revert`). What is against them must: see `forbid`. An action
/// for which there is nothing to act on is thrown away by `vm.assume`, so that each one counted did something.
abstract contract World {
    uint256 internal constant PEOPLE = 15;

    FogToken internal immutable token;
    FogStake internal immutable stake;
    FogMarket internal immutable market;
    FogCourt internal immutable court;
    /// @dev Sets parameters, and has the treasury.
    address internal immutable timelock;
    address internal immutable guardian;

    /// @notice The state by the events alone.
    Replay public immutable replay;

    address[] internal people;
    mapping(address => uint256) internal keyOf;

    /// @notice How often each action succeeded.
    mapping(bytes4 action => uint256) public done;

    /// @dev Whether the action came to nothing but attempts against the rules.
    bool internal merelyTried;

    /// @notice How many attempts against the rules were turned away.
    uint256 public refused;

    /// @notice How many attempts against the rules went through, and the last of them.
    uint256 public wrongs;
    string public wrong;

    constructor(Contracts memory c, Replay replay_) {
        (token, stake, market, court, timelock, guardian) =
        (c.token, c.stake, c.market, c.court, c.timelock, c.guardian);
        replay = replay_;
        for (uint256 i; i < PEOPLE; ++i) {
            address person = vm.addr(0xA0 + i);
            people.push(person);
            keyOf[person] = 0xA0 + i;
            vm.startPrank(person);
            token.approve(address(market), type(uint256).max);
            token.approve(address(stake), type(uint256).max);
            vm.stopPrank();
        }
        vm.prank(timelock);
        token.approve(address(stake), type(uint256).max);
    }

    /// @dev One action: what it did is counted, and its events are replayed. All of them happen at one block time.
    modifier acts() {
        vm.recordLogs();
        _;
        conclude();
    }

    function conclude() private {
        if (!merelyTried) ++done[msg.sig];
        merelyTried = false;
        replay.follow(vm.getRecordedLogs());
    }

    /* PEOPLE */

    function everyone() external view returns (address[] memory) {
        return people;
    }

    function buyer(uint256 who) internal view returns (address) {
        return people[who % 4];
    }

    function provider(uint256 who) internal view returns (address) {
        return people[3 + who % 4];
    }

    function auditor(uint256 who) internal view returns (address) {
        return people[6 + who % 8];
    }

    function anyone(uint256 who) internal view returns (address) {
        return people[who % PEOPLE];
    }

    function sign(address person, bytes32 digest) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[person], digest);
        return abi.encodePacked(r, s, v);
    }

    /* TIME */

    /// @dev Blocks come every twelve seconds.
    function pass(uint256 time) internal {
        vm.roll(block.number + time / 12 + 1);
        vm.warp(block.timestamp + time);
    }

    function passTo(uint256 time) internal {
        if (time > block.timestamp) pass(time - block.timestamp);
    }

    /* AGAINST THE RULES */

    /// @dev Somebody tries what the rules forbid.
    function forbid(address caller, address target, bytes memory data, string memory what) internal {
        replay.follow(vm.getRecordedLogs());
        vm.prank(caller);
        (bool ok,) = target.call(data);
        if (ok) {
            ++wrongs;
            wrong = what;
        } else {
            ++refused;
        }
        // What was undone did not happen.
        vm.getRecordedLogs();
        vm.recordLogs();
    }

    /* NUMBERS */

    /// @dev A part of `most`, sometimes of a few base units only.
    function part(uint256 seed, uint256 most) internal pure returns (uint96) {
        if (seed % 8 == 0 && most > 1e10) most = 1e10;
        return uint96(bound(seed >> 3, 1, most));
    }

    /// @dev Another number from the same seed.
    function mix(uint256 seed, uint256 what) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }
}
