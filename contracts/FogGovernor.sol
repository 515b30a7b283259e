// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogGovernor, Profile} from "./interfaces/IFogGovernor.sol";
import {GRACE_PERIOD, GUARDIAN_TERM, LEEWAY, MAX_GOVERNANCE_TIME, SUPPLY} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {
    GovernorVotesQuorumFraction
} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title FogGovernor
/// @notice Where bonded FOG decides what the timelock does.
contract FogGovernor is
    GovernorSettings,
    GovernorCountingSimple,
    GovernorVotesQuorumFraction,
    GovernorPreventLateQuorum,
    GovernorTimelockControl,
    IFogGovernor
{
    /* IMMUTABLES */

    /// @inheritdoc IFogGovernor
    address public immutable guardian;

    /// @inheritdoc IFogGovernor
    uint40 public immutable guardianUntil;

    uint48 internal immutable _votingDelay;
    uint32 internal immutable _votingPeriod;
    uint48 internal immutable _lateExtension;
    uint16 internal immutable _thresholdBps;
    uint16 internal immutable _quorumBps;
    uint96 internal immutable _quorumFloor;

    /* CONSTRUCTOR */

    /// @param stake Whose votes count. Its clock is block time.
    /// @param timelock What it decides for.
    /// @param guardian_ Who may cancel proposals for a year; nobody if zero.
    constructor(IERC5805 stake, TimelockController timelock, address guardian_, Profile memory p)
        Governor("FogGovernor")
        GovernorSettings(p.votingDelay, p.votingPeriod, p.thresholdBps)
        GovernorVotes(stake)
        GovernorVotesQuorumFraction(p.quorumBps)
        GovernorPreventLateQuorum(p.lateExtension)
        GovernorTimelockControl(timelock)
    {
        if (address(stake) == address(0) || address(timelock) == address(0)) {
            revert ErrorsLib.ZeroAddress();
        }
        _check("votingDelay", p.votingDelay, 1, MAX_GOVERNANCE_TIME);
        _check("votingPeriod", p.votingPeriod, 1, MAX_GOVERNANCE_TIME);
        // So it is not longer than any period that a vote may set.
        _check("lateExtension", p.lateExtension, 1, p.votingPeriod / LEEWAY);
        _check("quorumBps", p.quorumBps, 1, 10_000 / LEEWAY);
        _check("thresholdBps", p.thresholdBps, 1, p.quorumBps);
        _check("quorumFloor", p.quorumFloor, 1, SUPPLY);

        // Zero is allowed: then nobody cancels.
        // slither-disable-next-line missing-zero-check
        guardian = guardian_;
        guardianUntil = uint40(block.timestamp + GUARDIAN_TERM);
        (_votingDelay, _votingPeriod, _lateExtension) = (p.votingDelay, p.votingPeriod, p.lateExtension);
        (_thresholdBps, _quorumBps, _quorumFloor) = (p.thresholdBps, p.quorumBps, p.quorumFloor);
        emit EventsLib.GovernorDeployed(guardian_, guardianUntil, p.quorumFloor);
    }

    /* SETTINGS */

    /// @inheritdoc IFogGovernor
    function setVotingDelay(uint48 delay) public override(GovernorSettings, IFogGovernor) {
        _checkLeeway("votingDelay", delay, _votingDelay);
        super.setVotingDelay(delay);
    }

    /// @inheritdoc IFogGovernor
    function setVotingPeriod(uint32 period) public override(GovernorSettings, IFogGovernor) {
        _checkLeeway("votingPeriod", period, _votingPeriod);
        super.setVotingPeriod(period);
    }

    /// @inheritdoc IFogGovernor
    function setProposalThreshold(uint256 bps) public override(GovernorSettings, IFogGovernor) {
        _checkLeeway("thresholdBps", bps, _thresholdBps);
        super.setProposalThreshold(bps);
    }

    /// @inheritdoc IFogGovernor
    function updateQuorumNumerator(uint256 bps) public override(GovernorVotesQuorumFraction, IFogGovernor) {
        _checkLeeway("quorumBps", bps, _quorumBps);
        super.updateQuorumNumerator(bps);
    }

    /// @inheritdoc IFogGovernor
    function setLateQuorumVoteExtension(uint48) public pure override(GovernorPreventLateQuorum, IFogGovernor) {
        revert ErrorsLib.Fixed();
    }

    /// @inheritdoc IFogGovernor
    function updateTimelock(TimelockController) public pure override(GovernorTimelockControl, IFogGovernor) {
        revert ErrorsLib.Fixed();
    }

    /* VIEWS */

    /// @inheritdoc IFogGovernor
    function profile() external view returns (Profile memory) {
        return Profile({
            votingDelay: _votingDelay,
            votingPeriod: _votingPeriod,
            lateExtension: _lateExtension,
            thresholdBps: _thresholdBps,
            quorumBps: _quorumBps,
            quorumFloor: _quorumFloor
        });
    }

    /// @inheritdoc IFogGovernor
    function state(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl, IFogGovernor)
        returns (ProposalState now_)
    {
        now_ = super.state(proposalId);
        uint256 since;
        if (now_ == ProposalState.Succeeded) since = proposalDeadline(proposalId);
        else if (now_ == ProposalState.Queued) since = proposalEta(proposalId);
        else return now_;
        if (block.timestamp >= since + GRACE_PERIOD) return ProposalState.Expired;
    }

    /// @inheritdoc IFogGovernor
    function proposalThreshold() public view override(Governor, GovernorSettings, IFogGovernor) returns (uint256) {
        // Never nothing: who has no vote does not propose.
        return Math.max(token().getPastTotalSupply(clock() - 1) * proposalThresholdBps() / 10_000, 1);
    }

    /// @inheritdoc IFogGovernor
    function proposalThresholdBps() public view returns (uint256) {
        return GovernorSettings.proposalThreshold();
    }

    /// @dev Not from storage: each vote asks.
    function lateQuorumVoteExtension() public view override returns (uint48) {
        return _lateExtension;
    }

    /// @inheritdoc IFogGovernor
    function quorum(uint256 snapshot)
        public
        view
        override(Governor, GovernorVotesQuorumFraction, IFogGovernor)
        returns (uint256)
    {
        return Math.max(super.quorum(snapshot), _quorumFloor);
    }

    /// @inheritdoc IFogGovernor
    function quorumDenominator() public pure override(GovernorVotesQuorumFraction, IFogGovernor) returns (uint256) {
        return 10_000;
    }

    function proposalDeadline(uint256 proposalId)
        public
        view
        override(Governor, GovernorPreventLateQuorum)
        returns (uint256)
    {
        return super.proposalDeadline(proposalId);
    }

    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposalId);
    }

    /// @dev The stake's, without asking it.
    function clock() public view override(Governor, GovernorVotes) returns (uint48) {
        return uint48(block.timestamp);
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override(Governor, GovernorVotes) returns (string memory) {
        return "mode=timestamp";
    }

    /* INTERNAL */

    /// @dev Whether a vote may set to `value` what was deployed as `deployed`.
    function _checkLeeway(bytes32 name, uint256 value, uint256 deployed) internal pure {
        _check(name, value, Math.max(deployed / LEEWAY, 1), deployed * LEEWAY);
    }

    function _check(bytes32 name, uint256 value, uint256 low, uint256 high) internal pure {
        if (value < low || value > high) revert ErrorsLib.OutOfBounds(name, value);
    }

    /// @dev A proposer may cancel while voting has not begun, the guardian always, as long as he is one.
    function _validateCancel(uint256 proposalId, address caller) internal view override returns (bool) {
        return (caller == guardian && block.timestamp < guardianUntil) || super._validateCancel(proposalId, caller);
    }

    /// @dev OpenZeppelin asks after each vote whether the quorum is reached, and remembers it. That matters only when
    /// there is too little time left to answer, so it is asked only then: before the vote and after it.
    function _castVote(uint256 proposalId, address voter, uint8 support, string memory reason, bytes memory params)
        internal
        override
        returns (uint256 weight)
    {
        bool mayExtend =
            clock() + lateQuorumVoteExtension() > proposalDeadline(proposalId) && !_quorumReached(proposalId);
        weight = super._castVote(proposalId, voter, support, reason, params);
        if (mayExtend) GovernorPreventLateQuorum._tallyUpdated(proposalId);
    }

    function _tallyUpdated(uint256) internal override(Governor, GovernorPreventLateQuorum) {}

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }
}
