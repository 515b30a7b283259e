// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogStake, Unbonding} from "./interfaces/IFogStake.sol";
import {
    BUDGET_PER_YEAR,
    FINDER_SHARE,
    MAX_UNBONDINGS,
    MAX_UNBONDING_PERIOD,
    MIN_UNBONDING_PERIOD,
    REWARD_PERIOD,
    REWARD_UNIT,
    TOTAL_PERIOD
} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {IERC6372} from "@openzeppelin/contracts/interfaces/IERC6372.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title FogStake
/// @notice Bonds in FOG, the queue through which they leave, their votes and their rewards.
contract FogStake is IFogStake, Votes, ReentrancyGuardTransient {
    using Checkpoints for Checkpoints.Trace208;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev One slot an owner.
    /// @param owed Rewards until `index`, in 10^9 base units.
    struct Account {
        uint96 bonded;
        uint96 index;
        uint64 owed;
    }

    /// @dev What every change of a bond reads and writes, in one slot.
    /// @param index Rewards so far of one base unit bonded from the beginning, times 10^18.
    /// @param streaming Whether `_stream` must be read.
    struct Total {
        uint96 bonded;
        uint96 index;
        uint40 updated;
        bool streaming;
    }

    /// @param pending What waits for the next period.
    struct Stream {
        uint96 rate;
        uint96 pending;
        uint40 end;
    }

    /// @dev What the treasury gave in the year since `start`.
    struct Budget {
        uint96 given;
        uint40 start;
    }

    /* IMMUTABLES */

    /// @inheritdoc IFogStake
    address public immutable token;

    /// @inheritdoc IFogStake
    address public immutable market;

    /// @inheritdoc IFogStake
    uint40 public immutable unbondingPeriod;

    address internal immutable _treasury;

    /* STORAGE */

    Total internal _total;

    Stream internal _stream;

    Budget internal _budget;

    /// @dev The total at the end of each period in which it changed, by the period's number. The newest is in `_total`.
    Checkpoints.Trace208 internal _totals;

    mapping(address owner => Account) internal _accounts;

    /// @dev Sorted by release, since the period is the same for all.
    // Entries are pushed through storage references, which Slither does not follow.
    // slither-disable-next-line uninitialized-state
    mapping(address owner => Unbonding[]) internal _unbonding;

    /* CONSTRUCTOR */

    constructor(address token_, address market_, address treasury_, uint40 unbondingPeriod_) EIP712("FogStake", "1") {
        if (token_ == address(0) || market_ == address(0) || treasury_ == address(0)) revert ErrorsLib.ZeroAddress();
        if (unbondingPeriod_ < MIN_UNBONDING_PERIOD || unbondingPeriod_ > MAX_UNBONDING_PERIOD) {
            revert ErrorsLib.BadUnbondingPeriod(unbondingPeriod_);
        }
        (token, market, _treasury, unbondingPeriod) = (token_, market_, treasury_, unbondingPeriod_);
        _total.updated = uint40(block.timestamp);
    }

    modifier onlyMarket() {
        if (msg.sender != market) revert ErrorsLib.NotMarket(msg.sender);
        _;
    }

    /* BONDING */

    /// @inheritdoc IFogStake
    function bond(uint96 amount) external nonReentrant {
        _bond(amount);
    }

    /// @inheritdoc IFogStake
    function bondWithPermit(uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external nonReentrant {
        // Anyone who saw the permit can use it first; then it fails here, but the allowance is there all the same.
        // The guard is held, and the token is FogToken.
        // slither-disable-next-line reentrancy-benign
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _bond(amount);
    }

    /// @inheritdoc IFogStake
    function unbond(uint96 amount) external nonReentrant {
        if (amount == 0) revert ErrorsLib.ZeroAmount();
        uint96 available = _accounts[msg.sender].bonded;
        if (amount > available) revert ErrorsLib.InsufficientBalance(available, amount);

        _remove(msg.sender, amount);
        uint40 release = uint40(block.timestamp) + unbondingPeriod;
        Unbonding[] storage queue = _unbonding[msg.sender];
        uint256 length = queue.length;
        if (length != 0 && queue[length - 1].release == release) {
            queue[length - 1].amount += amount;
        } else {
            if (length == MAX_UNBONDINGS) revert ErrorsLib.TooManyUnbondings();
            queue.push(Unbonding({amount: amount, release: release}));
        }
        emit EventsLib.UnbondStarted(msg.sender, amount, release);
    }

    /// @inheritdoc IFogStake
    function cancelUnbond(uint256 position) external nonReentrant {
        Unbonding[] storage queue = _unbonding[msg.sender];
        if (position >= queue.length) revert ErrorsLib.NoSuchUnbonding(position);
        Unbonding memory entry = queue[position];

        _drop(queue, position, 1);
        _add(msg.sender, entry.amount);
        emit EventsLib.UnbondCancelled(msg.sender, entry.amount, entry.release);
    }

    /// @inheritdoc IFogStake
    function withdraw() external nonReentrant returns (uint96 amount) {
        Unbonding[] storage queue = _unbonding[msg.sender];
        uint256 length = queue.length;
        uint256 due;
        while (due < length && queue[due].release <= block.timestamp) {
            amount += queue[due].amount;
            ++due;
        }
        if (due == 0) revert ErrorsLib.NothingMatured();

        _drop(queue, 0, due);
        emit EventsLib.StakeWithdrawn(msg.sender, amount);

        IERC20(token).safeTransfer(msg.sender, amount);
    }

    /* REWARDS */

    /// @inheritdoc IFogStake
    function claimRewards() external nonReentrant returns (uint96 amount) {
        Account memory account = _settled(msg.sender, _advance().index);
        amount = account.owed * REWARD_UNIT;
        if (amount == 0) revert ErrorsLib.ZeroAmount();
        account.owed = 0;
        _accounts[msg.sender] = account;
        emit EventsLib.RewardsClaimed(msg.sender, amount);

        IERC20(token).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IFogStake
    function fund(uint96 amount) external nonReentrant {
        if (amount == 0) revert ErrorsLib.ZeroAmount();
        if (msg.sender != market) _spendBudget(amount);

        _take(amount);
        _advance();
        _stream.pending += amount;
        _total.streaming = true;
        emit EventsLib.RewardsFunded(msg.sender, amount);
        _advance();
    }

    /* SLASHING */

    /// @inheritdoc IFogStake
    function compensate(address owner, uint96 amount, address to)
        external
        onlyMarket
        nonReentrant
        returns (uint96 paid)
    {
        uint96 fromBond;
        (paid, fromBond) = _seize(owner, amount);
        emit EventsLib.Compensated(owner, to, paid, fromBond);

        if (paid != 0) IERC20(token).safeTransfer(to, paid);
    }

    /// @inheritdoc IFogStake
    function slash(address owner, uint96 amount, address victim, uint96 toVictim, address finder)
        external
        onlyMarket
        nonReentrant
        returns (uint96 taken)
    {
        uint96 fromBond;
        (taken, fromBond) = _seize(owner, amount);
        if (toVictim > taken) toVictim = taken;
        uint96 toFinder = finder == address(0) ? 0 : uint96((uint256(taken) - toVictim) * FINDER_SHARE / 10_000);
        uint96 burnt = taken - toVictim - toFinder;
        emit EventsLib.Slashed(owner, victim, finder, fromBond, toVictim, toFinder, burnt);

        if (toVictim != 0) IERC20(token).safeTransfer(victim, toVictim);
        if (toFinder != 0) IERC20(token).safeTransfer(finder, toFinder);
        if (burnt != 0) ERC20Burnable(token).burn(burnt);
    }

    /* VIEWS */

    /// @inheritdoc IFogStake
    function bonded(address owner) external view returns (uint96) {
        return _accounts[owner].bonded;
    }

    /// @inheritdoc IFogStake
    function unbonding(address owner) external view returns (Unbonding[] memory) {
        return _unbonding[owner];
    }

    /// @inheritdoc IFogStake
    function slashable(address owner) external view returns (uint96 amount) {
        amount = _accounts[owner].bonded;
        Unbonding[] storage queue = _unbonding[owner];
        for (uint256 i; i < queue.length; ++i) {
            amount += queue[i].amount;
        }
    }

    /// @inheritdoc IFogStake
    function totalBonded() external view returns (uint96) {
        return _total.bonded;
    }

    /// @inheritdoc IFogStake
    function rewardsOf(address owner) external view returns (uint96) {
        (Total memory total,) = _advanced(_total, _stream);
        return _settled(owner, total.index).owed * REWARD_UNIT;
    }

    /// @inheritdoc IFogStake
    function stream() external view returns (uint96 rate, uint40 end) {
        (, Stream memory now_) = _advanced(_total, _stream);
        return now_.end > block.timestamp ? (now_.rate, now_.end) : (0, now_.end);
    }

    /* VOTES */

    function clock() public view override(IERC6372, Votes) returns (uint48) {
        return uint48(block.timestamp);
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override(IERC6372, Votes) returns (string memory) {
        return "mode=timestamp";
    }

    /// @dev What it was when the period before the one of `timepoint` ended, so that it never changes afterwards.
    function getPastTotalSupply(uint256 timepoint) public view override(IVotes, Votes) returns (uint256) {
        uint256 period = _validateTimepoint(timepoint) / TOTAL_PERIOD;
        if (period == 0) return 0;
        Total memory total = _total;
        if (total.updated / TOTAL_PERIOD < period) return total.bonded;
        return _totals.upperLookupRecent(uint48(period - 1));
    }

    function _getVotingUnits(address owner) internal view override returns (uint256) {
        return _accounts[owner].bonded;
    }

    /* INTERNAL */

    function _bond(uint96 amount) internal {
        if (amount == 0) revert ErrorsLib.ZeroAmount();
        _take(amount);
        _add(msg.sender, amount);
        emit EventsLib.Bonded(msg.sender, amount);
    }

    /// @dev Takes tokens from the caller.
    function _take(uint96 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert ErrorsLib.TransferMismatch(amount, received);
    }

    function _add(address owner, uint96 amount) internal {
        Total memory total = _advance();
        Account memory account = _settled(owner, total.index);
        account.bonded += amount;
        _accounts[owner] = account;
        _total.bonded = total.bonded + amount;
        _moveDelegateVotes(address(0), delegates(owner), amount);
    }

    function _remove(address owner, uint96 amount) internal {
        Total memory total = _advance();
        Account memory account = _settled(owner, total.index);
        account.bonded -= amount;
        _accounts[owner] = account;
        _total.bonded = total.bonded - amount;
        _moveDelegateVotes(delegates(owner), address(0), amount);
    }

    /// @dev Takes up to `amount` from the owner's bond, then from what is unbonding, the latest first.
    function _seize(address owner, uint96 amount) internal returns (uint96 taken, uint96 fromBond) {
        uint96 bonded_ = _accounts[owner].bonded;
        fromBond = amount < bonded_ ? amount : bonded_;
        if (fromBond != 0) _remove(owner, fromBond);

        taken = fromBond;
        Unbonding[] storage queue = _unbonding[owner];
        for (uint256 i = queue.length; i != 0 && taken < amount; --i) {
            uint96 there = queue[i - 1].amount;
            uint96 wanted = amount - taken;
            if (there <= wanted) {
                queue.pop();
                taken += there;
            } else {
                queue[i - 1].amount = there - wanted;
                taken = amount;
            }
        }
    }

    /// @dev Removes `count` entries from `start` on and keeps the order of the others.
    function _drop(Unbonding[] storage queue, uint256 start, uint256 count) internal {
        uint256 length = queue.length;
        for (uint256 i = start + count; i < length; ++i) {
            queue[i - count] = queue[i];
        }
        for (uint256 i; i < count; ++i) {
            queue.pop();
        }
    }

    /// @dev The owner's account with its rewards until `index`. What is less than a reward unit is lost to the owner.
    function _settled(address owner, uint96 index) internal view returns (Account memory account) {
        account = _accounts[owner];
        if (index != account.index) {
            uint256 more = uint256(account.bonded) * (index - account.index) / 1e18 / REWARD_UNIT;
            account.owed = (account.owed + more).toUint64();
            account.index = index;
        }
    }

    /// @dev Brings the rewards up to now, and remembers the total of a period that is over.
    function _advance() internal returns (Total memory total) {
        total = _total;
        uint256 period = total.updated / TOTAL_PERIOD;
        if (period != block.timestamp / TOTAL_PERIOD) _totals.push(uint48(period), total.bonded);

        if (total.streaming) {
            Stream memory flow;
            (total, flow) = _advanced(total, _stream);
            _stream = flow;
        } else {
            total.updated = uint40(block.timestamp);
        }
        _total = total;
    }

    /// @dev `total` and `flow` as they are now: the period runs on, and when it is over the next one begins with what
    /// is pending. While hardly anything is bonded, nothing is given away: it waits for the next period.
    function _advanced(Total memory total, Stream memory flow) internal view returns (Total memory, Stream memory) {
        uint40 now_ = uint40(block.timestamp);
        uint40 until = now_ < flow.end ? now_ : flow.end;
        if (until > total.updated) {
            uint256 given = uint256(flow.rate) * (until - total.updated);
            if (total.bonded < 1e18) flow.pending += uint96(given);
            else total.index += (given * 1e18 / total.bonded).toUint96();
        }
        if (now_ >= flow.end) {
            flow.rate = uint96(flow.pending / REWARD_PERIOD);
            flow.pending -= uint96(flow.rate * REWARD_PERIOD);
            if (flow.rate != 0) flow.end = now_ + uint40(REWARD_PERIOD);
        }
        total.streaming = flow.end > now_;
        total.updated = now_;
        return (total, flow);
    }

    function _spendBudget(uint96 amount) internal {
        if (msg.sender != _treasury) revert ErrorsLib.NotTreasury(msg.sender);
        Budget memory budget = _budget;
        if (block.timestamp >= budget.start + 365 days) budget = Budget({given: 0, start: uint40(block.timestamp)});
        if (budget.given + uint256(amount) > BUDGET_PER_YEAR) {
            revert ErrorsLib.AboveBudget(uint96(BUDGET_PER_YEAR - budget.given), amount);
        }
        budget.given += amount;
        _budget = budget;
    }
}
