// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @notice What a governor is deployed with. Times are seconds, fractions are of all bonds, in basis points.
/// @param votingDelay From the proposal to the snapshot of votes.
/// @param votingPeriod How long is voted, from the snapshot on.
/// @param lateExtension How long is voted at least after the quorum is reached: at most a LEEWAY-th of the period.
/// @param thresholdBps The votes it takes to propose.
/// @param quorumBps The votes, for and abstaining, it takes to decide anything.
/// @param quorumFloor The votes it takes however little is bonded, in base units of FOG.
struct Profile {
    uint48 votingDelay;
    uint32 votingPeriod;
    uint48 lateExtension;
    uint16 thresholdBps;
    uint16 quorumBps;
    uint96 quorumFloor;
}

/// @title IFogGovernor
/// @notice Bonded FOG votes on what the timelock does. Votes are read at a proposal's snapshot, so what is bonded or
/// delegated later does not count; one account may cancel proposals for a year, and do nothing else.
/// @dev This is OpenZeppelin's Governor: `propose`, `castVote`, `queue`, `execute`, `cancel`. Every state ends by time:
/// a proposal that succeeded must be queued, and one that was queued executed, within GRACE_PERIOD. What it may set on
/// itself moves between a LEEWAY-th and LEEWAY times what was deployed.
interface IFogGovernor {
    /// @notice Where a proposal is. Expired is what succeeded and was not queued, or was queued and not executed,
    /// within GRACE_PERIOD.
    function state(uint256 proposalId) external view returns (IGovernor.ProposalState);

    /// @notice Sets the seconds from a proposal to its snapshot. Takes a vote, as the next three.
    function setVotingDelay(uint48 delay) external;

    /// @notice Sets how many seconds are voted.
    function setVotingPeriod(uint32 period) external;

    /// @notice Sets the votes it takes to propose, in basis points of all bonds.
    function setProposalThreshold(uint256 bps) external;

    /// @notice Sets the votes it takes to decide, in basis points of all bonds.
    function updateQuorumNumerator(uint256 bps) external;

    /// @notice Refused: the extension is for ever.
    function setLateQuorumVoteExtension(uint48 extension) external;

    /// @notice Refused: the other contracts obey this timelock for ever.
    function updateTimelock(TimelockController timelock) external;

    /// @notice What it was deployed with.
    function profile() external view returns (Profile memory);

    /// @notice Who may cancel any proposal that is not executed, until `guardianUntil`. Nobody can change that.
    function guardian() external view returns (address);

    /// @notice Block time from which the guardian has no power.
    function guardianUntil() external view returns (uint40);

    /// @notice The votes it takes to propose now, in base units of FOG.
    function proposalThreshold() external view returns (uint256);

    /// @notice The votes it takes to propose, in basis points of all bonds.
    function proposalThresholdBps() external view returns (uint256);

    /// @notice The votes, for and abstaining, it takes to decide a proposal with this snapshot, in base units of FOG.
    function quorum(uint256 snapshot) external view returns (uint256);

    /// @notice What quorum numerators are parts of: 10,000.
    function quorumDenominator() external view returns (uint256);
}
