// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, Terms} from "./IFogMarket.sol";

/// @notice A challenged job before the court.
/// @param finder Who brought it; it has a part of what is slashed.
/// @param bond What the buyer put up to challenge; zero for an audit.
/// @param verdictBy Block time after which no verdict acquits.
/// @param commitBy Until then the committee commits; zero while none is drawn.
/// @param revealBy Until then it reveals.
/// @param seedBlock The block whose hash draws the committee.
/// @param round 0, 1, 2: the committee has 3, 5, 7 members.
/// @param revealed How many members revealed in this round.
/// @param most How many of them said `answer`.
/// @param closed Whether it is over.
/// @param commitTime Seconds to commit, as they were when the case was opened.
/// @param revealTime Seconds to reveal, likewise.
/// @param slashMultiple How many times the price a guilty provider is slashed, likewise.
/// @param answer What most revealed in this round: keccak256(abi.encode(result, fuel)).
/// @param delivered What the provider delivered, likewise.
/// @param provider Who delivered it.
/// @param buyer Who ordered it.
struct Case {
    address finder;
    uint96 bond;
    uint40 verdictBy;
    uint40 commitBy;
    uint40 revealBy;
    uint40 seedBlock;
    uint8 round;
    uint8 revealed;
    uint8 most;
    bool closed;
    uint24 commitTime;
    uint24 revealTime;
    uint16 slashMultiple;
    bytes32 answer;
    bytes32 delivered;
    address provider;
    address buyer;
}

/// @notice What governance sets for cases that are opened later.
/// @param commitTime Seconds to commit, once a committee is drawn.
/// @param revealTime Seconds to reveal after that.
/// @param auditMinBps The least probability with which a delivery is audited.
/// @param auditFactor A provider of whom n audits were clean is audited with at least auditFactor / (n + 1).
/// @param slashMultiple How many times the price a cheat is slashed.
/// @param seatBond What an auditor must have bonded for each seat.
struct CourtParameters {
    uint24 commitTime;
    uint24 revealTime;
    uint16 auditMinBps;
    uint16 auditFactor;
    uint16 slashMultiple;
    uint96 seatBond;
}

/// @title IFogCourt
/// @notice Judges deliveries by running the job again. Auditors bond for seats; of these a committee of 3 is drawn by
/// the hash of a block that comes after the case was opened. Its members commit to what they got, salted with their
/// address, then reveal it. More than two thirds of the committee against the delivery is guilty, a majority for it is
/// not; anything else goes to a new committee of 5, then of 7, and then the provider is acquitted.
/// @dev A mismatch between two alone never slashes. Who reveals nothing, late or something else than committed counts
/// for nobody and loses his seats. No verdict in time acquits: nobody is slashed.
interface IFogCourt {
    // ---- auditors

    /// @notice The caller takes `seats` seats in all, at most MAX_SEATS; fewer than before gives seats back.
    function enlist(uint16 seats) external;

    /// @notice Takes away the seats of `auditor` when its bond is below what they ask for. Anyone may.
    function evict(address auditor) external;

    /// @notice Pays the caller what he earned in committees.
    function collect() external returns (uint96 amount);

    // ---- cases

    /// @notice The buyer's challenge. Only the market may; it credited `bond` to this court's balance.
    function open(bytes32 job, Terms calldata terms, Delivery calldata delivery, uint96 bond) external;

    /// @notice Opens the case of a delivery whose audit was drawn. Anyone may, and is the finder.
    function audit(Terms calldata terms, Delivery calldata delivery) external;

    /// @notice Draws the committee of the case's round, once its seed block has passed. Anyone may.
    /// @dev Among the seats that there were before the seed block: to come or go once its hash is known does not help.
    /// When the seed block is too old to have its hash (256 blocks), a new one is named.
    function draw(bytes32 job) external;

    /// @notice A member commits to hashCommitment(job, member, result, fuel, salt).
    function commit(bytes32 job, bytes32 commitment) external;

    /// @notice A member shows what it committed to.
    function reveal(bytes32 job, bytes32 result, uint64 fuel, bytes32 salt) external;

    /// @notice Ends the round: a verdict, or the next committee, or an acquittal. Anyone may, once all have revealed,
    /// the time to reveal is over, or the time for a verdict is.
    /// @dev Members that said what the verdict says are paid. Of a challenge that failed they share the bond. For a
    /// guilty delivery each has the job's price, for an audit that found nothing its fee, but all together at most half
    /// the pool: to set up jobs in order to be paid as their auditor costs more than it brings.
    function close(Terms calldata terms, Delivery calldata delivery) external;

    // ---- governance

    /// @notice Sets the parameters of later cases. Only the timelock may, within bounds.
    function setParameters(CourtParameters calldata parameters) external;

    // ---- views

    /// @notice Whether the delivery's audit is drawn: decided by the hash of the block after it, known for 256 blocks.
    function isDrawn(bytes32 job, address provider) external view returns (bool);

    /// @notice With which probability a provider is audited, in basis points.
    function auditRate(address provider) external view returns (uint256);

    /// @notice How many audits in a row found nothing against `provider`.
    function cleared(address provider) external view returns (uint32);

    /// @notice The case of `job`; all zero when there was none.
    function caseOf(bytes32 job) external view returns (Case memory);

    /// @notice The committee of a case's round.
    function committee(bytes32 job, uint8 round) external view returns (address[] memory);

    /// @notice What `auditor` committed to in a case's round.
    function commitment(bytes32 job, uint8 round, address auditor) external view returns (bytes32);

    /// @notice The seats of `auditor`.
    function seatsOf(address auditor) external view returns (uint16);

    /// @notice All seats.
    function seatCount() external view returns (uint256);

    /// @notice What `auditor` can collect.
    function earned(address auditor) external view returns (uint96);

    /// @notice What is there to pay auditors with: part of the fees, and the bonds of challenges that failed.
    function pool() external view returns (uint256);

    /// @notice The parameters of later cases.
    function parameters() external view returns (CourtParameters memory);

    /// @notice The commitment to an answer.
    function hashCommitment(bytes32 job, address auditor, bytes32 result, uint64 fuel, bytes32 salt)
        external
        pure
        returns (bytes32);

    /// @notice The market whose jobs it judges.
    function market() external view returns (address);

    /// @notice Where auditors' bonds are.
    function stake() external view returns (address);

    /// @notice Who sets parameters.
    function timelock() external view returns (address);
}
