// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogGovernor} from "../../../../contracts/FogGovernor.sol";
import {FogStake} from "../../../../contracts/FogStake.sol";
import {FogTimelock} from "../../../../contracts/FogTimelock.sol";
import {FogToken} from "../../../../contracts/FogToken.sol";
import {Profile} from "../../../../contracts/interfaces/IFogGovernor.sol";
import {vm} from "../Vm.sol";
import {Dial} from "../mocks/Dial.sol";
import {newToken} from "../newToken.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

/// @notice What is proposed: any number of calls, and why.
struct Proposal {
    address[] targets;
    uint256[] values;
    bytes[] calldatas;
    string description;
}

/// @notice A governor in production's profile over 50,000,000 bonded FOG: it takes 250,000 to propose, and 2,000,000 to
/// decide. Everyone votes for himself, since an hour.
abstract contract GovernorTest {
    uint8 internal constant AGAINST = 0;
    uint8 internal constant FOR = 1;
    uint8 internal constant ABSTAIN = 2;

    uint256 internal constant CAROL_KEY = 0xCA501;
    address internal constant guardian = address(0x6A);
    address internal constant holder = address(0x401D);
    address internal constant anna = address(0xA22A); // 45,250,001
    address internal constant ben = address(0xBE2); // 2,500,000
    address internal immutable carol = vm.addr(CAROL_KEY); // 2,000,000
    address internal constant dora = address(0xD05A); // 249,999
    address internal constant nobody = address(0x0B0D);

    FogToken internal token;
    FogStake internal stake;
    FogTimelock internal timelock;
    FogGovernor internal governor;
    Dial internal dial;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        token = newToken(holder);
        stake = new FogStake(address(token), address(0x3A), address(0x7EA), 7 days);
        (timelock, governor) = deploy(guardian, production());
        dial = new Dial(address(timelock));
        bond(anna, 45_250_001e18);
        bond(ben, 2_500_000e18);
        bond(carol, 2_000_000e18);
        bond(dora, 249_999e18);
        vm.warp(block.timestamp + 1 hours);
    }

    /* DEPLOYMENT */

    function production() internal pure returns (Profile memory) {
        return Profile({
            votingDelay: 1 days,
            votingPeriod: 5 days,
            lateExtension: 1 days,
            thresholdBps: 50,
            quorumBps: 400,
            quorumFloor: 1_000_000e18
        });
    }

    function deploy(address guardian_, Profile memory profile) internal returns (FogTimelock lock, FogGovernor gov) {
        address at = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        lock = new FogTimelock(2 days, at);
        gov = new FogGovernor(stake, lock, guardian_, profile);
    }

    function give(address to, uint96 amount) internal {
        vm.prank(holder);
        token.transfer(to, amount);
        vm.prank(to);
        token.approve(address(stake), type(uint256).max);
    }

    function bond(address owner, uint96 amount) internal {
        give(owner, amount);
        vm.startPrank(owner);
        stake.bond(amount);
        stake.delegate(owner);
        vm.stopPrank();
    }

    /* PROPOSALS */

    function calling(address target, bytes memory data) internal pure returns (Proposal memory p) {
        p.targets = new address[](1);
        p.values = new uint256[](1);
        p.calldatas = new bytes[](1);
        (p.targets[0], p.calldatas[0], p.description) = (target, data, "Because");
    }

    function turning(uint256 to) internal view returns (Proposal memory) {
        return calling(address(dial), abi.encodeCall(Dial.turn, (to)));
    }

    function idOf(Proposal memory p) internal view returns (uint256) {
        return governor.getProposalId(p.targets, p.values, p.calldatas, keccak256(bytes(p.description)));
    }

    function propose(address proposer, Proposal memory p) internal returns (uint256 id) {
        vm.prank(proposer);
        return governor.propose(p.targets, p.values, p.calldatas, p.description);
    }

    function queue(Proposal memory p) internal {
        governor.queue(p.targets, p.values, p.calldatas, keccak256(bytes(p.description)));
    }

    function execute(Proposal memory p) internal {
        governor.execute(p.targets, p.values, p.calldatas, keccak256(bytes(p.description)));
    }

    function cancel(address caller, Proposal memory p) internal {
        vm.prank(caller);
        governor.cancel(p.targets, p.values, p.calldatas, keccak256(bytes(p.description)));
    }

    function vote(address voter, uint256 id, uint8 support) internal {
        vm.prank(voter);
        governor.castVote(id, support);
    }

    function toVoting(uint256 id) internal {
        vm.warp(governor.proposalSnapshot(id) + 1);
    }

    function toEnd(uint256 id) internal {
        vm.warp(governor.proposalDeadline(id) + 1);
    }

    function toEta(uint256 id) internal {
        vm.warp(governor.proposalEta(id));
    }

    /// @dev Proposed and voted for by anna.
    function pass(Proposal memory p) internal returns (uint256 id) {
        id = propose(anna, p);
        toVoting(id);
        vote(anna, id, FOR);
        toEnd(id);
    }

    /// @dev And executed as soon as that can be.
    function carryOut(Proposal memory p) internal returns (uint256 id) {
        id = pass(p);
        queue(p);
        toEta(id);
        execute(p);
    }

    /* EXPECTATIONS */

    function assertState(uint256 id, IGovernor.ProposalState expected) internal view {
        vm.assertEq(uint256(governor.state(id)), uint256(expected), "state");
    }

    function expectUnexpectedState(uint256 id, IGovernor.ProposalState current, IGovernor.ProposalState wanted)
        internal
    {
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernor.GovernorUnexpectedProposalState.selector, id, current, bytes32(1 << uint256(wanted))
            )
        );
    }
}
