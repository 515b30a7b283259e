// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogStake, Unbonding} from "./interfaces/IFogStake.sol";
import {MAX_UNBONDINGS, MAX_UNBONDING_PERIOD} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @title FogStake
/// @notice Bonds in FOG, and the queue through which they leave.
contract FogStake is IFogStake, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /* IMMUTABLES */

    /// @inheritdoc IFogStake
    address public immutable token;

    /// @inheritdoc IFogStake
    uint40 public immutable unbondingPeriod;

    /* STORAGE */

    /// @inheritdoc IFogStake
    uint96 public totalBonded;

    /// @inheritdoc IFogStake
    mapping(address owner => uint96) public bonded;

    /// @dev Sorted by release, since the period is the same for all.
    mapping(address owner => Unbonding[]) internal _unbonding;

    /* CONSTRUCTOR */

    constructor(address token_, uint40 unbondingPeriod_) {
        if (token_ == address(0)) revert ErrorsLib.ZeroAddress();
        if (unbondingPeriod_ > MAX_UNBONDING_PERIOD) revert ErrorsLib.BadUnbondingPeriod(unbondingPeriod_);
        token = token_;
        unbondingPeriod = unbondingPeriod_;
    }

    /* BONDING */

    /// @inheritdoc IFogStake
    function bond(uint96 amount) external nonReentrant {
        if (amount == 0) revert ErrorsLib.ZeroAmount();

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received != amount) revert ErrorsLib.TransferMismatch(amount, received);

        bonded[msg.sender] += amount;
        totalBonded += amount;
        emit EventsLib.Bonded(msg.sender, amount);
    }

    /// @inheritdoc IFogStake
    function unbond(uint96 amount) external nonReentrant {
        if (amount == 0) revert ErrorsLib.ZeroAmount();
        uint96 available = bonded[msg.sender];
        if (amount > available) revert ErrorsLib.InsufficientBalance(available, amount);

        bonded[msg.sender] = available - amount;
        totalBonded -= amount;

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
    function cancelUnbond(uint256 index) external nonReentrant {
        Unbonding[] storage queue = _unbonding[msg.sender];
        if (index >= queue.length) revert ErrorsLib.NoSuchUnbonding(index);
        Unbonding memory entry = queue[index];

        _remove(queue, index, 1);
        bonded[msg.sender] += entry.amount;
        totalBonded += entry.amount;
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

        _remove(queue, 0, due);
        emit EventsLib.StakeWithdrawn(msg.sender, amount);

        IERC20(token).safeTransfer(msg.sender, amount);
    }

    /* VIEWS */

    /// @inheritdoc IFogStake
    function unbonding(address owner) external view returns (Unbonding[] memory) {
        return _unbonding[owner];
    }

    /* INTERNAL */

    /// @dev Removes `count` entries from `start` on and keeps the order of the others.
    function _remove(Unbonding[] storage queue, uint256 start, uint256 count) internal {
        uint256 length = queue.length;
        for (uint256 i = start + count; i < length; ++i) {
            queue[i - count] = queue[i];
        }
        for (uint256 i; i < count; ++i) {
            queue.pop();
        }
    }
}
